"""The defaults file in the eyes of both of its readers."""

from __future__ import annotations

import os
import string
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from states import server
from states.install import answers as answers_step
from states.ubuntu.addresses import Addresses
from states.ubuntu.memory import Memory, memory
from states.ubuntu.settings import UBUNTU
from states.zimbra import answers, codes
from states.zimbra.answers import Facts, render
from states.zimbra.release import chosen
from states.zimbra.releases import PACKAGES, RELEASES
from states.zimbra.settings import FORBIDDEN, GENERATED, SETTINGS
from tests.states.install.vendor_keys import known
from tests.support import make_context
from zflow.api import Context, OperatorError, Secret

FACTS = Facts(
    server="mail.example.org",
    domain="example.org",
    admin="admin@example.org",
    memory=8,
    heap=2048,
    database=30,
    networks="127.0.0.0/8 [::1]/128 10.0.0.2/32",
    ip_mode="ipv4",
    timezone="UTC",
    suffix="abc",
)
TABLE = (*server.SETTINGS, UBUNTU, *SETTINGS)
PASSWORD = "pass-phrase-of-the-operator"
SIX = Addresses(("10.0.0.2", "fd00::2"), six=True)
READ = 'source "$1" || exit 1; shift; for key; do printf "%s\\0" "${!key}"; done'
GIB = 1 << 30


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context for a server with addresses of both families and 4 of the host's 16 GiB."""
    (tmp_path / "opt").mkdir()
    monkeypatch.setattr(answers, "addresses", lambda: SIX)
    monkeypatch.setattr(answers, "memory", lambda: Memory(4 * GIB, 16 * GIB))
    return make_context(tmp_path, TABLE, {"ZFLOW_HOSTNAME": "mail.example.org", "ZFLOW_ADMIN_PASSWORD": PASSWORD})


def as_zmsetup(path: Path) -> dict[str, str]:
    """Read a file as zmsetup.pl does: split at the first `=`, all double quotes deleted (docs/zimbra.md §2.1)."""
    lines = path.read_bytes().decode().rstrip("\n").split("\n")
    return {key: value.replace('"', "") for key, _, value in (line.partition("=") for line in lines)}


def as_bash(path: Path, keys: list[str]) -> list[str]:
    """Read a file as install.sh does: by `source`, with nothing of ours around it (docs/zimbra.md §1.2)."""
    argv = ["bash", "--norc", "-c", READ, "bash", str(path), *keys]
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8"}
    return subprocess.run(argv, capture_output=True, check=True, env=environment).stdout.decode().split("\0")[:-1]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), st.text(string.printable, max_size=20)
)
def test_both_readers_agree(tmp_path: Path, password: str, timezone: str) -> None:
    """Whatever the values, both readers see just them, or the file is refused."""
    path = tmp_path / "answers"
    expected = {"LDAPROOTPASS": password, "zimbraPrefTimeZoneId": timezone, "HOSTNAME": FACTS.server}
    found, passwords = replace(FACTS, timezone=timezone), {"LDAPROOTPASS": Secret(password)}
    if FORBIDDEN.search(password + timezone):
        with pytest.raises(OperatorError):
            render(found, passwords, RELEASES["8.8.15"], remove=False)
        return
    path.write_text(render(found, passwords, RELEASES["8.8.15"], remove=False))
    read = as_zmsetup(path)
    assert {key: read[key] for key in expected} == expected
    assert as_bash(path, list(expected)) == list(expected.values())


@pytest.mark.parametrize("character", ["'", '"', "$", "\\", "`", "|", "\n", "\r", "\0", "\x01", "\x7f"])
def test_forbidden(character: str) -> None:
    """A character that one reader would mangle is refused in any value; a password is not shown with the refusal."""
    value = f"a{character}b"
    for found, passwords, shown in (
        (replace(FACTS, timezone=value), {}, repr(value)),
        (FACTS, {"LDAPROOTPASS": Secret(value)}, "LDAPROOTPASS: the password has"),
    ):
        with pytest.raises(OperatorError) as caught:
            render(found, passwords, RELEASES["8.8.15"], remove=False)
        assert caught.value.code is codes.ANSWERS
        assert shown in caught.value.detail
        assert passwords == {} or value not in caught.value.detail


def test_whole_file(ctx: Context) -> None:
    """Both readers see every answer of the real file, and none has the name of a variable the shell lives by."""
    answers_step.apply(ctx)
    path = ctx.volume / answers.PLACE
    read = as_zmsetup(path)
    assert as_bash(path, list(read)) == list(read.values())
    assert not answers.RESERVED & set(read)
    assert all(value.strip() == value != "" for value in read.values())
    assert "{" not in path.read_text()


def test_answers(ctx: Context) -> None:
    """Every address is named, the memory is the container's, and installing is neither upgrade nor removal."""
    answers_step.apply(ctx)
    read = as_zmsetup(ctx.volume / answers.PLACE)
    expected = {
        "HOSTNAME": "mail.example.org",
        "LDAPHOST": "mail.example.org",
        "CREATEDOMAIN": "example.org",
        "CREATEADMIN": "admin@example.org",
        "AVUSER": "admin@example.org",
        "CREATEADMINPASS": PASSWORD,
        "MAILBOXDMEMORY": "1024",
        "MYSQLMEMORYPERCENT": "7",
        "SYSTEMMEMORY": "4",
        "zimbraIPMode": "both",
        "zimbraMtaMyNetworks": "127.0.0.0/8 [::1]/128 10.0.0.2/32 [fd00::2]/128",
        "INSTALL_PACKAGES": " ".join(PACKAGES),
        "UPGRADE": "no",
        "REMOVE": "no",
        "USE_ZIMBRA_PACKAGE_SERVER": "no",
    }
    assert {key: read[key] for key in expected} == expected
    assert as_zmsetup_text(answers.content(ctx, remove=True))["REMOVE"] == "yes"


@pytest.mark.parametrize("release", RELEASES)
def test_every_release_is_answered_in_its_own_words(ctx: Context, release: str) -> None:
    """A release gets the common answers and its own, all of them keys it knows, and both readers see them."""
    installer = ctx.volume / "opt/zflow-release"
    installer.mkdir()
    (installer / ".BUILD_RELEASE_NO").write_text(f"{release}.0\n")
    answers_step.apply(ctx)
    path = ctx.volume / answers.PLACE
    read = as_zmsetup(path)
    assert set(read) <= known(release)
    assert as_bash(path, list(read)) == list(read.values())
    every = {key for each in RELEASES.values() for key in each.answers}
    assert {key: read[key] for key in every & read.keys()} == RELEASES[release].answers


def test_the_administrators_password_is_the_operators_in_the_menu(ctx: Context) -> None:
    """Where the operator answers in the vendor's menu, zflow neither makes nor writes an administrator's password."""
    environment = {"ZFLOW_HOSTNAME": "mail.example.org", "ZFLOW_INSTALL": "attended"}
    attended = make_context(ctx.volume, TABLE, environment)
    answers_step.apply(attended)
    assert answers_step.probe(attended) is not None
    assert "CREATEADMINPASS" not in as_zmsetup(ctx.volume / answers.PLACE)
    assert attended.secrets.get(GENERATED) is None


@pytest.mark.parametrize(
    ("unpacked", "url", "setting", "line"),
    [
        ("10.1.10", "/x/zcs-9.0.0_GA_1.UBUNTU20_64.tgz", "8.8.15", "10.1"),
        (None, "/x/zcs-9.0.0_GA_1.UBUNTU20_64.tgz", "8.8.15", "9.0"),
        (None, "/x/zcs-NETWORK-10.0.1_GA_1.tgz", "8.8.15", "10.0"),
        (None, "/x/release.tgz", "10.0", "10.0"),
        ("7.2", "/x/zcs-7.2_GA.tgz", "9.0", "9.0"),
    ],
)
def test_the_line_of_the_release(tmp_path: Path, unpacked: str | None, url: str, setting: str, line: str) -> None:
    """What an archive says of itself counts before its name, and its name before the setting."""
    environment = {"ZFLOW_RELEASE": setting, "ZFLOW_RELEASE_URL": url, "ZFLOW_RELEASE_SHA256": "0" * 64}
    if unpacked:
        (tmp_path / "opt/zflow-release").mkdir(parents=True)
        (tmp_path / "opt/zflow-release/.BUILD_RELEASE_NO").write_text(unpacked)
    assert chosen(make_context(tmp_path, TABLE, environment)).name == line


def as_zmsetup_text(text: str) -> dict[str, str]:
    """Return the answers in a text."""
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in text.splitlines())}


def test_same_in_every_attempt(ctx: Context) -> None:
    """A second attempt has the same passwords and accounts; the internal ones are all different."""
    first = answers.content(ctx)
    again = make_context(ctx.volume, TABLE, {"ZFLOW_HOSTNAME": "mail.example.org", "ZFLOW_ADMIN_PASSWORD": PASSWORD})
    assert answers.content(again) == first
    internal = {value for key, value in as_zmsetup_text(first).items() if key in answers.PASSWORDS}
    assert len(internal) == len(answers.PASSWORDS)
    assert min(len(each) for each in internal) >= 20


def test_probe(ctx: Context) -> None:
    """The file holds when it is as it would be written now, and nobody else may read it; a look makes no secrets."""
    before = sorted((ctx.home / "secrets").iterdir())
    assert answers_step.probe(ctx) is None
    assert sorted((ctx.home / "secrets").iterdir()) == before
    answers_step.apply(ctx)
    path = ctx.volume / answers.PLACE
    evidence = answers_step.probe(ctx)
    assert evidence is not None
    assert f"{len(path.read_text().splitlines())} answers" in evidence.summary
    path.chmod(0o644)
    assert answers_step.probe(ctx) is None
    answers_step.apply(ctx)
    path.write_text(path.read_text() + "\n")
    assert answers_step.probe(ctx) is None


def test_password_setting_taken_back(ctx: Context) -> None:
    """When the operator's password is not set any more a look makes none in its place, the next attempt does."""
    answers_step.apply(ctx)
    bare = make_context(ctx.volume, TABLE, {"ZFLOW_HOSTNAME": "mail.example.org"})
    assert answers_step.probe(bare) is None
    assert bare.secrets.get("admin_password") is None
    answers_step.apply(bare)
    assert answers_step.probe(bare) is not None


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(16 * GIB, (16, 4096, 30)), (8 * GIB, (8, 2048, 15)), (GIB // 2, (1, 256, 1)), (100 << 20, (1, 256, 1))],
)
def test_shares(limit: int, expected: tuple[int, int, int]) -> None:
    """Shares follow the container's limit; the database's is scaled, for its scripts see the host; none is nothing."""
    assert answers.shares(Memory(limit, 16 * GIB), 25, 30) == expected


@pytest.mark.parametrize(
    ("v2", "v1", "limit"),
    [
        ("max\n", None, 16 * GIB),
        ("4294967296\n", None, 4 * GIB),
        (None, "9223372036854771712\n", 16 * GIB),
        (None, "2147483648\n", 2 * GIB),
        ("3221225472", "2147483648", 2 * GIB),
        ("0\n", "", 16 * GIB),
        (None, None, 16 * GIB),
    ],
)
def test_memory(tmp_path: Path, v2: str | None, v1: str | None, limit: int) -> None:
    """The limit is the control group's, of version 1 or 2; unlimited, and none at all, mean the host's memory."""
    (tmp_path / "meminfo").write_text(f"MemTotal:       {16 << 20} kB\nMemFree: 1 kB\n")
    for name, content in (("v2", v2), ("v1", v1)):
        if content is not None:
            (tmp_path / name).write_text(content)
    assert memory((tmp_path / "v2", tmp_path / "v1"), tmp_path / "meminfo") == Memory(limit, 16 * GIB)


def test_memory_of_this_machine() -> None:
    """The real files can be read, and the limit is never above the host's memory."""
    found = memory()
    assert 0 < found.limit <= found.host
