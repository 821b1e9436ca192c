"""What proves that the software is installed, what its installer's endings mean, and the holds afterwards."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from states import server
from states.install import holds as holds_step
from states.install import setup
from states.install import software as software_step
from states.install.codes import DATA_PRESENT
from states.ubuntu.settings import UBUNTU
from states.zimbra import answers, codes, history, holds, leftovers, packages, software
from states.zimbra.proof import BEGUN, DATA, SPOILT
from states.zimbra.releases import PACKAGES
from states.zimbra.settings import SETTINGS
from tests.states.install.dpkg import built, command, dpkg
from tests.states.install.records import (
    STAGES,
    installed,
    session,
    write_history,
    write_packages,
    write_server,
    write_status,
)
from tests.states.install.shells import Answering, Outside, no_firewall
from tests.support import make_context
from zflow.api import CommandError, Context, Drift, Evidence, OperatorError, TransientError, ZflowError

TABLE = (*server.SETTINGS, UBUNTU, *SETTINGS)
LAST = PACKAGES[-1]
PROGRAM, DATA_FILE = "opt/zimbra/common/sbin/nginx", "opt/zimbra/db/db.sql"


def context(volume: Path, effect: Callable[[], str] = lambda: "") -> Context:
    """Return a context whose installer has an effect and prints a text."""
    (volume / "etc").mkdir(exist_ok=True)
    (volume / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (volume / "opt").mkdir(exist_ok=True)
    shell = Answering(volume, lambda argv: effect() if "install.sh" in argv else "")
    return make_context(volume, TABLE, {"ZFLOW_HOSTNAME": "mail.example.org"}, shell=shell)


COMPLETE: dict[str, tuple[list[str], dict[str, str], bool]] = {
    "nothing": ([], {}, False),
    "whole": ([session(1)], installed(), True),
    "held": ([session(1)], installed(held=True), True),
    "after a cut": ([session(1, complete=False), session(2)], installed(), True),
    "cut off": ([session(1), session(2, complete=False)], installed(), False),
    "a package not in the history": ([session(1, packages=PACKAGES[1:])], installed(), False),
    "a package half installed": ([session(1)], installed() | {LAST: "install reinstreq half-installed"}, False),
    "a package unpacked": ([session(1)], installed() | {LAST: "install ok unpacked"}, False),
    "a package removed": ([session(1)], installed() | {LAST: "deinstall ok config-files"}, False),
    "history without packages": ([session(1)], {}, False),
    "packages without history": ([], installed(), False),
}


@pytest.mark.parametrize("case", COMPLETE)
def test_complete(tmp_path: Path, case: str) -> None:
    """The software is installed when both the vendor's history and dpkg say so of every package."""
    sessions, states, expected = COMPLETE[case]
    ctx = context(tmp_path)
    write_history(tmp_path, *sessions)
    write_status(tmp_path, states)
    assert (software.complete(ctx) is not None) == expected
    assert (software_step.probe(ctx) is not None) == expected


def test_being_put_back(tmp_path: Path) -> None:
    """While the configuration puts the software back it counts as installed, or it would be taken for lost."""
    ctx = context(tmp_path)
    software.spoilt(ctx).touch()
    evidence = software_step.probe(ctx)
    assert evidence is not None
    assert "restores it" in evidence.summary


def test_later_look_at_a_server(tmp_path: Path) -> None:
    """On a proven server the step has served its purpose, whatever the packages are in an upgrade."""
    ctx = context(tmp_path)
    write_server(tmp_path)
    write_status(tmp_path, {})
    assert software_step.probe(ctx) is not None


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize(
    "sessions",
    [[], [session(1, stages=STAGES)], [session(1, stages=STAGES[:2])]],
    ids=["no history", "configured", "its end lost"],
)
def test_data_is_never_installed_over(tmp_path: Path, name: str, sessions: list[str]) -> None:
    """A configured server that zflow did not prove is not installed over, whatever of its history was lost.

    No command is run; the package that keeps the server from being taken as it is gets named.
    """
    ctx = context(tmp_path)
    (tmp_path / name).mkdir(parents=True)
    write_status(tmp_path, installed() | {LAST: "install ok unpacked"})
    assert software_step.probe(ctx) is None
    write_history(tmp_path, *sessions)
    if not sessions:
        (tmp_path / history.HISTORY).unlink()
    with pytest.raises(OperatorError) as caught:
        software_step.apply(ctx)
    assert caught.value.code is DATA_PRESENT
    assert caught.value.detail == f"/{name} exists; {LAST} not installed"
    assert isinstance(ctx.shell, Answering)
    assert ctx.shell.commands == []


def test_install(tmp_path: Path) -> None:
    """dpkg and the lists are put right, then the installer is run; it is believed when its packages are in."""

    def effect() -> str:
        write_history(tmp_path, session(1))
        write_status(tmp_path, installed())
        return "done"

    ctx = context(tmp_path, effect)
    (tmp_path / "opt/zimbra/db/data").mkdir(parents=True)  # comes with the software, and is no server's data
    software_step.apply(ctx)
    assert software_step.probe(ctx) is not None
    assert isinstance(ctx.shell, Answering)
    first, second, third = ctx.shell.commands
    assert first[:2] == ("apt-get", "update")
    assert second[-2:] == ("--configure", "-a")
    assert third[-2:] == ("/opt/zflow-release", f"/{answers.PLACE}")
    assert any("./install.sh -s -x" in word for word in third)


@pytest.mark.root
def test_programs_that_are_gone(tmp_path: Path) -> None:
    """What a real dpkg calls installed, without its programs, is not believed; data and what a link hides may lack."""
    ctx = context(tmp_path)
    write_packages(tmp_path, *PACKAGES)
    write_history(tmp_path, session(1))
    other = "opt/zimbra/common/lib/jvm/java/lib/security"
    for name, file in (("zimbra-nginx", PROGRAM), ("zimbra-openjdk", f"{other}/blocked"), ("zimbra-sql", DATA_FILE)):
        dpkg(tmp_path, "--install", str(built(tmp_path / f"{name}_2_all.deb", files=[file])))
    assert software.complete(ctx) is not None
    (tmp_path / DATA_FILE).unlink()
    (tmp_path / other).rename(tmp_path / "opt/jvm")
    (tmp_path / other).symlink_to("/opt/jvm")
    (tmp_path / "opt/jvm/blocked").unlink()
    assert software.complete(ctx) is not None
    (tmp_path / PROGRAM).unlink()
    assert software.complete(ctx) is None
    assert software.lacking(ctx) == f"installed without their files: zimbra-nginx (/{PROGRAM})"
    dpkg(tmp_path, "--remove", "zimbra-nginx")
    assert software.complete(ctx) is not None


def hollow(volume: Path, *names: str) -> None:
    """Have dpkg's lists name programs of installed packages, none of which is there."""
    folder = volume / packages.LISTS
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.list").write_text(f"/.\n/opt\n/{PROGRAM}\n")


def test_an_installer_that_leaves_earlier_packages_in_the_way(tmp_path: Path) -> None:
    """By its history and dpkg all went well; that programs are gone tells that it removed nothing. Some are named."""

    def effect() -> str:
        write_history(tmp_path, session(1), session(2))
        return "Software Installation complete!"

    ctx = context(tmp_path, effect)
    write_history(tmp_path, session(1))
    write_status(tmp_path, installed())
    hollow(tmp_path, *PACKAGES[:5], "zimbra-gone")
    with pytest.raises(TransientError) as caught:
        software.rebuild(ctx, no_firewall)
    assert caught.value.code is codes.REMAINS
    assert caught.value.detail.endswith(f"zimbra-ldap (/{PROGRAM}), zimbra-logger (/{PROGRAM}) and 2 more")
    assert software.spoilt(ctx).exists()


def test_data_that_a_rebuild_leaves(tmp_path: Path) -> None:
    """A clean software install has no server's data: what the installer was to remove and did not is named."""

    def effect() -> str:
        write_history(tmp_path, session(1), session(2))
        return ""

    ctx = context(tmp_path, effect)
    write_status(tmp_path, installed())
    (tmp_path / DATA[2]).mkdir(parents=True)
    with pytest.raises(TransientError, match=f"/{DATA[2]}"):
        software.rebuild(ctx, no_firewall)
    assert software.spoilt(ctx).exists()
    (tmp_path / DATA[2]).rmdir()
    write_history(tmp_path)
    software.rebuild(ctx, no_firewall)
    assert not software.spoilt(ctx).exists()


@pytest.mark.parametrize("mark", [BEGUN, SPOILT])
def test_packages_purged_by_hand(tmp_path: Path, mark: str) -> None:
    """As ZF-3023 says: while a configuration is under way install.setup puts the software back, and nothing is lost."""
    ctx = context(tmp_path)
    assert software_step.probe(ctx) is None
    (ctx.home / mark).touch()
    assert software_step.probe(ctx) is not None


def test_programs_that_are_gone_before_a_configuration(tmp_path: Path) -> None:
    """They are install.setup's to put back too, as after a cut-off menu; of a server with data it asks the server.

    Where packages are missing, its data are not installed over.
    """
    ctx = context(tmp_path)
    write_history(tmp_path, session(1))
    write_status(tmp_path, installed())
    assert not setup.touched(ctx)
    hollow(tmp_path, LAST)
    assert software_step.probe(ctx) is not None
    assert setup.touched(ctx)
    (tmp_path / DATA[0]).mkdir(parents=True)
    assert software_step.probe(ctx) is not None
    write_status(tmp_path, installed() | {PACKAGES[0]: "deinstall ok config-files"})
    assert software_step.probe(ctx) is None
    with pytest.raises(OperatorError) as caught:
        software_step.apply(ctx)
    assert caught.value.code is DATA_PRESENT
    assert f"{PACKAGES[0]} not installed; installed without their files: {LAST} (/{PROGRAM})" in caught.value.detail


def test_a_name_that_is_not_utf8_is_not_gone(tmp_path: Path) -> None:
    """A tree of certificates may hold one; dpkg's list has the bytes as they are."""
    name = b"opt/zimbra/common/lib/F\xfcr"
    write_status(tmp_path, installed())
    listed = tmp_path / f"var/lib/dpkg/info/{LAST}.list"
    listed.parent.mkdir(parents=True, exist_ok=True)
    listed.write_bytes(b"/" + name + b"\n")
    path = tmp_path / os.fsdecode(name)
    path.parent.mkdir(parents=True)
    assert software.gone(context(tmp_path))
    path.touch()
    assert software.gone(context(tmp_path)) == ""


ENDINGS: dict[str, tuple[str, type[ZflowError], str]] = {
    "licence refused": ("Do you agree?\n", OperatorError, "ZF-3013"),
    "nothing said": ("", OperatorError, "ZF-3013"),
    "packages missing": ("Unable to find missing packages in repository. System is not modified.\n", TransientError,
                         "ZF-3014"),
    "earlier packages": ("Failed to remove existing zimbra packages\n", TransientError, "ZF-3023"),
    "hosts": ("ERROR: Installation can not proceeed.  Please fix your /etc/hosts file\n", OperatorError, "ZF-3015"),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDINGS)
@pytest.mark.parametrize("before", [[], [session(1)]], ids=["first", "again"])
def test_endings(tmp_path: Path, case: str, before: list[str]) -> None:
    """An installer that ends without a new session and its packages is told by its words, not by its exit code."""
    output, kind, code = ENDINGS[case]
    ctx = context(tmp_path, lambda: output)
    write_history(tmp_path, *before)
    write_status(tmp_path, installed() if before else {})
    with pytest.raises(kind) as caught:
        software.install(ctx, tmp_path / answers.PLACE, no_firewall)
    assert caught.value.code.id == code
    if code == "ZF-3013":
        assert ("zimbra-core, zimbra-ldap" in caught.value.detail) == (not before)


INSTALL = """\
echo "Operations logged to /tmp/install.log.aB3"
echo "Installing local packages (2):"
{dpkg} --install {files} >{log} 2>&1 && exit 0
echo "ERROR: Unable to install required packages"
echo "Fix the issues with remote package installation and rerun the installer"
exit 1
"""
"""How install.sh installs, and what it says when that fails (packages.sh 8.8.15: 155-163, 205-218)."""


@pytest.mark.root
@pytest.mark.parametrize(
    ("scripts", "words"),
    [
        (
            {"postinst": "echo creating the user; echo no such shell: /bin/bash >&2; exit 7"},
            r"zimbra-core: (installed )?zimbra-core package post-installation script .* exit status 7; "
            r"its last lines: creating the user / no such shell: /bin/bash",
        ),
        (
            {"preinst": "echo /opt is a link; exit 1"},
            r"zimbra-core_2_all.deb: new zimbra-core package pre-installation script .* exit status 1; "
            r"its last lines: /opt is a link",
        ),
    ],
)
def test_a_package_whose_script_fails_is_named_with_its_words(
    tmp_path: Path, scripts: dict[str, str], words: str
) -> None:
    """A real dpkg says it in the installer's log alone; the source of the packages is not what is wrong."""
    (tmp_path / "tmp").mkdir()
    write_packages(tmp_path, "bash")
    files = [built(tmp_path / "zimbra-ldap_2_all.deb"), built(tmp_path / "zimbra-core_2_all.deb", **scripts)]
    words_of_dpkg = shlex.join(command(tmp_path))
    script = INSTALL.format(dpkg=words_of_dpkg, files=shlex.join(map(str, files)), log=tmp_path / "tmp/install.log.aB3")
    output = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False).stdout
    ctx = context(tmp_path, lambda: output)
    with pytest.raises(TransientError) as caught:
        software.install(ctx, tmp_path / answers.PLACE, no_firewall)
    assert caught.value.code is codes.PACKAGE
    assert re.fullmatch(words, caught.value.detail), caught.value.detail


def test_what_apt_cannot_fetch_is_told(tmp_path: Path) -> None:
    """The installer says that it cannot download; why, apt says in the installer's log alone."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp/install.log.aB3").write_text(
        "Get:1 http://mirror/x [1 B]\nErr:2 http://mirror/y\n  404  Not Found\nE: Unable to fetch some archives\n"
    )
    output = "Operations logged to /tmp/install.log.aB3\nUnable to download packages from repository. System is not\n"
    with pytest.raises(TransientError) as caught:
        software.install(context(tmp_path, lambda: output), tmp_path / answers.PLACE, no_firewall)
    assert (caught.value.code, caught.value.detail) == (
        codes.PACKAGES,
        "Unable to download packages from repository. System is not; Err:2 http://mirror/y; "
        "E: Unable to fetch some archives",
    )


def test_installers_own_log(tmp_path: Path) -> None:
    """The end of the installer's own log goes into the step's; a link is not followed."""
    said: list[str] = []
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp/install.log.aB3").write_text("".join(f"line {number}\n" for number in range(100)))
    ctx = context(tmp_path)
    object.__setattr__(ctx, "log", said.append)
    software.copy_log(ctx, "Operations logged to /tmp/install.log.aB3\n")
    assert said == [f"install.log: line {number}" for number in range(100 - software.LOG_TAIL, 100)]
    said.clear()
    (tmp_path / "tmp/install.log.evil").symlink_to("install.log.aB3")
    software.copy_log(ctx, "Operations logged to /tmp/install.log.evil\n")
    software.copy_log(ctx, "no word of a log")
    assert said == []


def test_rebuild_cut_off(tmp_path: Path) -> None:
    """A rebuild that fails leaves its mark, so that the next attempt begins it again; one that works leaves nothing."""
    seen: list[str] = []

    def effect() -> str:
        seen.append((tmp_path / f"{answers.PLACE}-again").read_text())
        if len(seen) == 1:
            raise CommandError(codes.PACKAGES, ("sh",), 1, "killed")
        write_history(tmp_path, session(1, stages=STAGES[:1]), session(2))
        return ""

    ctx = context(tmp_path, effect)
    write_history(tmp_path, session(1, stages=STAGES[:1]))
    write_status(tmp_path, installed())
    with pytest.raises(CommandError):
        software.rebuild(ctx, no_firewall)
    assert software.spoilt(ctx).exists()
    software.rebuild(ctx, no_firewall)
    assert not software.spoilt(ctx).exists()
    assert not (tmp_path / f"{answers.PLACE}-again").exists()
    assert all('REMOVE="yes"\n' in text for text in seen)


def test_packages(tmp_path: Path) -> None:
    """Only the vendor's packages count, and none that left just its configuration."""
    states = {
        "zimbra-core": "hold ok installed",
        "zimbra-mta": "install ok half-configured",
        "zimbra-old": "deinstall ok config-files",
        "zimbra-new": "install ok not-installed",
    }
    write_status(tmp_path, states)
    found = packages.vendor_packages(make_context(tmp_path))
    assert {name: (each.installed, each.held) for name, each in found.items()} == {
        "zimbra-core": (True, True),
        "zimbra-mta": (False, False),
    }


def test_holds(tmp_path: Path) -> None:
    """All the vendor's packages are held by one command, components included; a single one let go is seen."""
    ctx = context(tmp_path)
    assert holds_step.probe(ctx) is None
    write_status(tmp_path, installed() | {"zimbra-openssl": "install ok installed"})
    assert isinstance(holds_step.probe(ctx), Drift)
    holds.hold(ctx)
    assert isinstance(ctx.shell, Answering)
    (command,) = ctx.shell.commands
    assert command[-len(PACKAGES) - 3 :] == ("apt-mark", "hold", *sorted([*PACKAGES, "zimbra-openssl"]))
    write_status(tmp_path, installed(held=True))
    assert isinstance(holds_step.probe(ctx), Evidence)
    write_status(tmp_path, installed(held=True) | {LAST: "install ok installed"})
    assert holds_step.probe(ctx) == Drift(f"not held: {LAST}")


def test_zimbras_user(tmp_path: Path) -> None:
    """The user's number is read from the Ubuntu's own table; before the install there is no such user."""
    ctx = context(tmp_path)
    assert leftovers.zimbra_user(ctx) is None
    (tmp_path / "etc/passwd").write_text("xzimbra:x:1:1::/:\nzimbra:x:998:998::/opt/zimbra:/bin/bash\n")
    assert leftovers.zimbra_user(ctx) == 998


@pytest.mark.skipif(shutil.which("flock") is None, reason="there is no flock here")
def test_holds_wait_for_apts_daily_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the daily job has its lock nothing is marked: dpkg would refuse, and an upgrade would count as failed."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "apt-mark").write_text(f"#!/bin/sh\necho marked >>{tmp_path}/marks\n")
    (tools / "apt-mark").chmod(0o755)
    monkeypatch.setattr(holds, "LOCK", str(tmp_path / "lock"))
    monkeypatch.setattr(holds, "PATIENCE", 0)
    monkeypatch.setattr("zflow.host.shell.PATH", f"{tools}:/usr/bin:/bin")
    write_status(tmp_path, installed())
    ctx = make_context(tmp_path, shell=Outside(tmp_path))
    with (tmp_path / "lock").open("w") as daily:
        fcntl.flock(daily, fcntl.LOCK_EX)
        with pytest.raises(CommandError):
            holds.hold(ctx)
        assert not (tmp_path / "marks").exists()
    holds.hold(ctx)
    assert (tmp_path / "marks").read_text() == "marked\n"
