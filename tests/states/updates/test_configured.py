"""Unattended upgrades: the files zflow writes, and the one that an operator may take over."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states import bootstrap, server
from states.bootstrap import build
from states.ubuntu import cron, periodic, tree
from states.ubuntu.settings import PROXY
from states.ubuntu.suites import SUITES
from states.updates import configured, driver, fingerprint
from states.updates.settings import SETTINGS
from tests.states.bootstrap.ubuntu import make_tree
from tests.support import make_context
from zflow.api import Context

TABLE = (*server.SETTINGS, PROXY, *SETTINGS)
NEEDS_APT = pytest.mark.skipif(shutil.which("apt-config") is None, reason="there is no apt here to read its options")
NAMED = {"ZFLOW_HOSTNAME": "mail.example.org"}


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Return a context over a small Ubuntu."""
    return make_context(make_tree(tmp_path), TABLE, NAMED)


def dumped(path: Path) -> list[str]:
    """Return what apt itself reads from a file of options."""
    argv = ["apt-config", "dump", "-c", str(path)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_fingerprint(body: str) -> None:
    """A file as written is untouched, and any change of it is seen."""
    content = fingerprint.with_fingerprint(body)
    assert fingerprint.is_untouched(content)
    assert not fingerprint.is_untouched(f"{content}x")
    assert not fingerprint.is_untouched(f"x{content}")
    assert not fingerprint.is_untouched(body)


def test_every_single_edit_is_seen() -> None:
    """Each changed, left out or doubled character of the real file makes it the operator's."""
    content = configured.auto_upgrades(on=True)
    for at, character in enumerate(content):
        for other in ("", character * 2, chr(ord(character) + 1)):
            assert not fingerprint.is_untouched(content[:at] + other + content[at + 1 :])


def test_written_once(ctx: Context) -> None:
    """All files are written, the probe then holds, and a changed file is written again."""
    assert configured.probe(ctx) is None
    configured.apply(ctx)
    assert configured.probe(ctx) is not None
    for path in (*configured.wanted(ctx), periodic.AUTO):
        (ctx.volume / path).unlink()
        assert configured.probe(ctx) is None
        configured.apply(ctx)
        assert configured.probe(ctx) is not None
    for path in configured.EXECUTABLE:
        (ctx.volume / path).chmod(0o644)
        assert configured.probe(ctx) is None
        configured.apply(ctx)


@pytest.mark.parametrize("content", [configured.FROM_PACKAGE, configured.auto_upgrades(on=False), None])
def test_nobodys_file_is_replaced(ctx: Context, content: str | None) -> None:
    """The package's file, and zflow's file for another setting, are not an operator's edit."""
    if content is not None:
        (ctx.volume / periodic.AUTO).write_text(content)
    configured.apply(ctx)
    assert (ctx.volume / periodic.AUTO).read_text() == configured.auto_upgrades(on=True)


@pytest.mark.parametrize(
    "content",
    [
        b'APT::Periodic::Unattended-Upgrade "0";\n',
        configured.auto_upgrades(on=True).replace('"7"', '"30"').encode(),
        b"",
        b"// K\xfcche\n",
        b'APT::Periodic::Update-Package-Lists "0";\nAPT::Periodic::Unattended-Upgrade "0";\n',
        b'APT::Periodic::Update-Package-Lists "1";\r\nAPT::Periodic::Unattended-Upgrade "0";\r\n',
    ],
    ids=["own", "edited", "emptied", "another encoding", "dpkg-reconfigure", "half off, as Windows writes it"],
)
def test_operators_file_is_kept(ctx: Context, content: bytes) -> None:
    """An edited 20auto-upgrades stays byte for byte, and the evidence says whose it is."""
    (ctx.volume / periodic.AUTO).write_bytes(content)
    configured.apply(ctx)
    assert (ctx.volume / periodic.AUTO).read_bytes() == content
    evidence = configured.probe(ctx)
    assert evidence is not None
    assert "as the operator edited" in evidence.summary


def test_setting_is_followed(ctx: Context) -> None:
    """A changed setting makes the step due by its inputs and by its probe, and switches every job off."""
    configured.apply(ctx)
    off = make_context(ctx.volume, TABLE, {**NAMED, "ZFLOW_UNATTENDED_UPGRADES": "no"})
    assert configured.probe(off) is None
    assert configured.inputs(off) != configured.inputs(ctx)
    configured.apply(off)
    assert configured.probe(off) is not None
    text = (ctx.volume / periodic.AUTO).read_text()
    assert text.count('"0";') == len(configured.PERIODS)


@NEEDS_APT
def test_policy_in_apts_own_eyes(tmp_path: Path) -> None:
    """apt reads the policy: -updates is added, Zimbra left out, errors are mailed, nothing reboots."""
    (tmp_path / "52zflow").write_text(configured.policy("boss@example.org"))
    found = dumped(tmp_path / "52zflow")
    for line in (
        'Unattended-Upgrade::Allowed-Origins:: "${distro_id}:${distro_codename}-updates";',
        'Unattended-Upgrade::Package-Blacklist:: "^zimbra-";',
        'Unattended-Upgrade::Mail "boss@example.org";',
        'Unattended-Upgrade::MailOnlyOnError "true";',
        'Unattended-Upgrade::MailReport "on-error";',
        'Unattended-Upgrade::Automatic-Reboot "false";',
        'DPkg::Options:: "--force-confold";',
    ):
        assert line in found


@NEEDS_APT
def test_periods_in_apts_own_eyes(tmp_path: Path) -> None:
    """apt reads a period for each daily job."""
    (tmp_path / "20auto-upgrades").write_text(configured.auto_upgrades(on=True))
    found = dumped(tmp_path / "20auto-upgrades")
    assert {f'APT::Periodic::{job} "{days}";' for job, days in configured.PERIODS.items()} <= set(found)


@given(st.from_regex(r"[a-z]{1,20}\.example\.org", fullmatch=True))
def test_schedule(name: str) -> None:
    """The table mails to the administrator, ends with a line end, and runs every four hours at a steady minute."""
    text = configured.schedule(name, "boss@example.org")
    assert text.endswith("\n")
    assert "MAILTO=boss@example.org\n" in text
    minute, hours, *rest = text.splitlines()[-1].split()
    assert (0 <= int(minute) < 60, hours, rest[:4]) == (True, "*/4", ["*", "*", "*", "root"])
    assert text == configured.schedule(name, "boss@example.org")


TABLES = st.lists(
    st.sampled_from(["", "# MAILTO=x", "17 * * * * root x", "SHELL=/bin/sh", "MAILTO=me", " MAILTO = me"])
)


@given(TABLES.map("\n".join))
def test_mail_of_ubuntus_own_jobs(table: str) -> None:
    """It goes to the present administrator, unless the operator named a recipient in the table."""
    named = re.search("^ ?MAILTO", table, re.MULTILINE) is not None
    once = configured.with_mailto(table, "boss@example.org")
    assert once.endswith(table)
    assert ("MAILTO=boss@example.org\n" in once) is not named
    assert configured.with_mailto(once, "new@example.org") == configured.with_mailto(table, "new@example.org")


@pytest.mark.parametrize("name", ["me@example.org", "boss@example.organisation", '""', "boss@example.org,me"])
def test_an_operators_word_in_the_line_that_zflow_wrote(name: str) -> None:
    """It is kept, also once the administrator is another."""
    edited = configured.with_mailto("17 * * * * root x\n", "boss@example.org").replace(
        "MAILTO=boss@example.org\n", f"MAILTO={name}\n"
    )
    assert f"MAILTO={name}\n" in edited
    assert configured.with_mailto(edited, "boss@example.org") == edited
    assert configured.with_mailto(edited, "new@example.org") == edited


def test_minutes_differ() -> None:
    """Servers of one name scheme do not all ask their mirror at once."""
    minutes = {
        configured.schedule(f"mail{number}.example.org", "x").splitlines()[-1].split()[0] for number in range(50)
    }
    assert len(minutes) > 20


def test_sendmail(ctx: Context) -> None:
    """cron finds Zimbra's sendmail by a link; one that is there already, dangling or not, is left alone."""
    configured.apply(ctx)
    link = ctx.volume / configured.SENDMAIL
    assert str(link.readlink()) == configured.ZIMBRA_SENDMAIL
    link.unlink()
    assert configured.probe(ctx) is None
    link.symlink_to("/etc/alternatives/sendmail")
    configured.apply(ctx)
    assert configured.probe(ctx) is not None
    assert str(link.readlink()) == "/etc/alternatives/sendmail"


def test_no_file_that_others_may_read_has_a_password(tmp_path: Path) -> None:
    """Neither the archive's mirror's nor the proxies', in whatever file of apt's they have to be."""
    places = {
        "ZFLOW_MIRROR": "http://me:of-the-mirror@mirror.example.org/ubuntu",
        "ZFLOW_PROXY": "http://me:of-the-proxy@proxy.example.org:3128",
        "ZFLOW_APT_PROXY": "http://me:of-the-cache@cache.example.org:3142",
    }
    ctx = make_context(make_tree(tmp_path), (*server.SETTINGS, *bootstrap.SETTINGS, *SETTINGS), {**NAMED, **places})
    make_tree(tree.tree(ctx))
    build.finish(ctx, SUITES["18.04"])
    configured.apply(ctx)
    with_one = {
        path.name: path.stat().st_mode & 0o777
        for path in tmp_path.rglob("*")
        if path.is_file() and not path.is_symlink() and b"of-the-" in path.read_bytes()
    }
    assert with_one == {"52zflow-proxy": 0o600, "zflow-mirror.conf": 0o600}


@pytest.mark.parametrize("content", [None, "", "cron\n", "1", "-1", "99999999", "9" * 400])
def test_cron_is_not_believed(ctx: Context, content: str | None) -> None:
    """A number in cron's file proves nothing: neither other text nor another process counts as a running cron."""
    (ctx.volume / "run").mkdir()
    if content is not None:
        (ctx.volume / cron.PID_FILE).write_text(content)
    assert cron.running(ctx) is None
    assert driver.probe(ctx) is None
