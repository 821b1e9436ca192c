"""What is found before the install, all at once; limits and ports."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from states import server
from states.install import codes, limits, nameservers, preflight
from states.install.preflight import clock, names, network, room, system
from states.install.preflight.checks import CHECKS
from states.install.preflight.egress import Answer
from states.install.preflight.finding import Grade, Look
from states.ubuntu import ports
from states.ubuntu.addresses import Addresses
from states.ubuntu.memory import Memory
from states.ubuntu.settings import PROXY, UBUNTU
from states.ubuntu.suites import SUITES
from states.zimbra import needs
from states.zimbra.settings import SETTINGS
from tests.states.install.dpkg import Dpkg, built, dpkg
from tests.states.install.records import session, write_history, write_packages, write_server, write_status
from tests.states.install.shells import Answering
from tests.support import make_context
from zflow.api import Context, Drift, OperatorError, TransientError

NAME = "mail.example.org"
TABLE = (*server.SETTINGS, PROXY, UBUNTU, *SETTINGS)
NAMED = {"ZFLOW_HOSTNAME": NAME, "ZFLOW_MINIMUM_DISK_GIB": "1"}
HOSTS = f"127.0.0.1 localhost\n10.0.0.2 {NAME} mail\n"
GIB = 1 << 30


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context on which nothing is in the way."""
    nameservers.silent.cache_clear()
    for module in (needs, preflight):
        monkeypatch.setattr(module, "memory", lambda: Memory(8 * GIB, 8 * GIB))
    for module in (room, preflight):
        monkeypatch.setattr(module, "open_files", lambda: needs.VENDOR)
    for module in (names, network):
        monkeypatch.setattr(module, "addresses", lambda: Addresses(("10.0.0.2",), six=False))
    monkeypatch.setattr(network, "listening", lambda: {22, 53})
    monkeypatch.setattr(nameservers, "container_resolver", lambda: "nameserver 192.0.2.53\n")
    monkeypatch.setattr(nameservers, "ask", lambda *_words, **_options: [])
    monkeypatch.setattr(preflight, "reach", lambda _ctx: ())
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts").write_text(HOSTS)
    write_packages(tmp_path, *system.PREREQUISITES)
    return context(tmp_path)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """Yield an empty file system of the operator's below /opt/zimbra, of a kind without attributes."""
    place = tmp_path / "opt/zimbra/backup"
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "ramfs", "ramfs", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def context(volume: Path, full_name: str = "Mail.example.org\n", leads_to: str = "10.0.0.2", **more: str) -> Context:
    """Return a context inside which `hostname --fqdn` says a name, and the server's name leads to an address."""
    answers = {"hostname": full_name, "getent": f"{leads_to} STREAM {NAME}\n{leads_to} DGRAM\n" if leads_to else ""}
    return make_context(
        volume, TABLE, {**NAMED, **more}, shell=Answering(volume, lambda argv: answers.get(argv[0], ""))
    )


def texts(ctx: Context) -> list[str]:
    """Return what is found, as texts."""
    return [each.text for each in preflight.findings(ctx)]


def test_nothing_in_the_way(ctx: Context) -> None:
    """Where nothing is in the way the evidence tells name, memory and files."""
    evidence = preflight.probe(ctx)
    assert evidence is not None
    assert evidence.line == "mail.example.org, 8.0 GiB of memory, 524288 open files"
    preflight.apply(ctx)


def test_what_a_failed_command_prints_is_no_name(tmp_path: Path) -> None:
    """An Ubuntu that is not built yet says nothing of the container's name, nor where that leads."""
    ctx = make_context(tmp_path, TABLE, NAMED)
    assert names.full_name(ctx) == ""
    assert [each.text for each in network.own_name(Look(ctx, ()))] == [
        f"inside the Ubuntu {NAME} does not resolve (getent ahosts): correct /data/etc/nsswitch.conf"
    ]


def test_everything_at_once(tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is in the way is told in one message, each with its way out."""
    monkeypatch.setattr(needs, "memory", lambda: Memory(2 * GIB, 16 * GIB))
    monkeypatch.setattr(room, "open_files", lambda: 1024)
    monkeypatch.setattr(network, "listening", lambda: {25, 443, 8080, 22})
    away = Answer("https://user:password@files.example.com/zcs.tgz", "timed out")
    monkeypatch.setattr(preflight, "reach", lambda _ctx: (away,))
    (tmp_path / "etc/hosts").write_text("127.0.0.1 mail.example.org localhost\n")
    write_packages(tmp_path, *(set(system.PREREQUISITES) - {"perl"}))
    wrong = {
        "ZFLOW_ADMIN": "admin@example.com",
        "ZFLOW_RELEASE": "10.1",
        "ZFLOW_MINIMUM_DISK_GIB": str(1 << 20),
        "ZFLOW_PACKAGE_SOURCE": "file:/app/mirror",
    }
    bad = context(tmp_path, "", "127.0.0.1", **wrong)
    assert preflight.probe(bad) is None
    with pytest.raises(OperatorError) as caught:
        preflight.apply(bad)
    assert preflight.audit(bad) == Drift(caught.value.detail)
    assert caught.value.code is codes.PREFLIGHT
    expected = (
        "name is 'nothing' (hostname --fqdn), not 'mail.example.org': start the container with "
        "--hostname mail.example.org",
        "admin@example.com is not in the first mail domain example.org",
        "the first name of 127.0.0.1 is mail.example.org, not localhost",
        "mail.example.org is at 127.0.0.1, a loopback address",
        "inside the Ubuntu mail.example.org resolves to 127.0.0.1, the container has 10.0.0.2",
        "no archive of Zimbra 10.1 for Ubuntu 18.04",
        "the package source file:/app/mirror is not a folder in the Ubuntu: /data/app/mirror",
        "the package perl is missing (the installers are written in it): `zflow shell apt-get install --yes perl`",
        "2.0 GiB of memory, at least 6 required (ZFLOW_MINIMUM_MEMORY_GIB",
        "only 1024 open files",
        "free on the volume, at least 1048576 required (ZFLOW_MINIMUM_DISK_GIB",
        "TCP ports already in use: 25, 443, 8080;",
        "files.example.com cannot be reached directly (ZFLOW_PROXY is not set): timed out",
    )
    for words in expected:
        assert words in caught.value.detail
    assert len([each for each in preflight.findings(bad) if each.grade is not Grade.NOTICE]) == len(expected)
    assert "password" not in caught.value.detail


def test_what_may_pass_is_tried_again(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer is an error that passes: nobody has to come for a short outage."""
    monkeypatch.setattr(
        preflight, "reach", lambda _ctx: (Answer("https://repo.example.com/apt", "Connection refused"),)
    )
    assert preflight.probe(ctx) is None
    with pytest.raises(TransientError) as caught:
        preflight.apply(ctx)
    assert caught.value.code is codes.PREFLIGHT


def test_what_is_only_worth_knowing_stops_nothing(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a nameserver that answers the server is installed all the same, and the evidence says what will lack."""

    def silent(*_words: object, **_options: object) -> list[str]:
        raise OSError(errno.ETIMEDOUT, "timed out")

    monkeypatch.setattr(nameservers, "ask", silent)
    preflight.apply(ctx)
    evidence = preflight.probe(ctx)
    assert evidence is not None
    assert evidence.line.startswith("NOTICE: no nameserver answers (192.0.2.53): mail to other servers cannot")


def test_every_check_has_its_own_name_and_a_reason() -> None:
    """The table is whole: each check is listed once, with what fails without it."""
    assert len({check.name for check in CHECKS}) == len({check.ask for check in CHECKS}) == len(CHECKS)
    assert all(len(check.why) > 20 for check in CHECKS)


@pytest.mark.parametrize("version", SUITES)
def test_every_ubuntu_is_built_with_what_the_installer_needs(version: str) -> None:
    """What the preflight asks for is in what the bootstrap installs, by the names of each release."""
    assert set(system.PREREQUISITES) <= set(SUITES[version].packages)


@pytest.mark.parametrize(("limit", "enough"), [(6 * GIB * 95 // 100, True), (6 * GIB * 93 // 100, False)])
def test_memory_is_nominal(ctx: Context, monkeypatch: pytest.MonkeyPatch, limit: int, enough: bool) -> None:
    """A machine of 6 GB, of which the kernel keeps some, passes; a smaller one does not."""
    monkeypatch.setattr(needs, "memory", lambda: Memory(limit, 8 * GIB))
    assert (preflight.findings(ctx) == []) == enough


def test_install_begun(tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the installer has begun, room it took, ports it opened and packages it left unfinished are no obstacle."""
    monkeypatch.setattr(network, "listening", lambda: set(ports.PORTS))
    begun = context(tmp_path, ZFLOW_MINIMUM_DISK_GIB=str(1 << 20))
    states = dict.fromkeys(system.PREREQUISITES, "install ok installed") | {"rsyslog": "install ok triggers-pending"}
    write_status(tmp_path, states)
    assert len(preflight.findings(begun)) == 3
    write_history(tmp_path, session(1, complete=False))
    assert preflight.findings(begun) == []


def test_install_begun_by_dpkgs_list(tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut keeps dpkg's list, which is synced, and may take the vendor's history, which nobody syncs."""
    monkeypatch.setattr(network, "listening", lambda: set(ports.PORTS))
    begun = context(tmp_path, ZFLOW_MINIMUM_DISK_GIB=str(1 << 20))
    states = dict.fromkeys(system.PREREQUISITES, "install ok installed") | {"rsyslog": "install ok triggers-pending"}
    write_status(tmp_path, states | {"zimbra-base": "install ok unpacked"})
    assert preflight.findings(begun) == []


@pytest.mark.root
def test_what_dpkg_was_cut_off_in_is_completed_before_it_is_judged(tmp_path: Path, ctx: Context) -> None:
    """A package that is half there is not asked for: its own name in the remedy would be refused by apt."""
    write_packages(tmp_path, *(set(system.PREREQUISITES) - {"perl"}))
    dpkg(tmp_path, "--unpack", str(built(tmp_path / "perl.deb")))
    assert isinstance(ctx.shell, Answering)
    real = replace(ctx, shell=Dpkg(tmp_path, ctx.shell.answer))
    assert [each.partition(" is missing")[0] for each in texts(real)] == ["the package perl"]
    assert preflight.probe(real) is None
    preflight.apply(real)
    assert preflight.probe(real) is not None


def test_installed_server(tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proven server is not asked whether it could be installed."""
    monkeypatch.setattr(needs, "memory", lambda: Memory(GIB, GIB))
    assert preflight.probe(ctx) is None
    write_server(tmp_path)
    assert preflight.probe(ctx) is not None


@pytest.mark.parametrize(
    ("content", "connected", "faults"),
    [
        (HOSTS, True, []),
        ("127.0.0.1 localhost.localdomain localhost\n10.0.0.2 mail.example.org\n", True, []),
        ("127.0.0.1 localhost\n::1 localhost\nfd00::2 mail.example.org\n", True, []),
        ("127.0.0.1 localhost\n127.0.1.1 mail.example.org mail\n", False, []),
        ("127.0.0.1 localhost\n127.0.1.1 mail.example.org mail\n", True, ["is at 127.0.1.1, a loopback address"]),
        (HOSTS + "127.0.0.1 mail.example.org\n", True, ["is at 127.0.0.1, a loopback address"]),
        ("10.0.0.2 mail.example.org\n", True, ["the first name of 127.0.0.1 is missing"]),
        ("127.0.0.1 box localhost\n10.0.0.2 mail.example.org\n", True, ["the first name of 127.0.0.1 is box"]),
        ("127.0.0.1 localhost\n#10.0.0.2 mail.example.org\n", True, ["no line has the exact name"]),
        ("127.0.0.1 localhost\n10.0.0.2 mailXexample.org mail.example.org.\n", True, ["no line has the exact name"]),
        ("127.0.0.1 localhost\n10.0.0.256 mail.example.org\n", True, ["is at 10.0.0.256, which is not an address"]),
        ("", True, ["the first name of 127.0.0.1 is missing", "no line has the exact name"]),
    ],
)
def test_hosts_file(content: str, connected: bool, faults: list[str]) -> None:
    """The vendor's two rules hold, and the name is on no loopback address of a machine with a network."""
    found = names.hosts_faults(content, NAME, connected=connected)
    assert len(found) == len(faults)
    assert all(words in text for words, text in zip(faults, found, strict=True))


@pytest.mark.parametrize(
    ("differences", "words"),
    [
        ([], None),
        ([0, 30, -30], None),
        ([-2 * 86400], "the clock is 2 days ahead of that of host0"),
        ([3 * 365.25 * 86400], "the clock is 3 years behind that of host0"),
        ([-7200.0, 1.0], None),
        ([7300.0, 1.0], "the clock is 2 hours behind that of host0"),
    ],
)
def test_clock_beside_servers(ctx: Context, differences: list[float], words: str | None) -> None:
    """The clock is compared with the latest time that a server gave: a cache may repeat an older one."""
    now = time.time()
    answers = tuple(
        Answer(f"http://host{number}/", theirs=now + each, ours=now) for number, each in enumerate(differences)
    )
    found = [each.text for each in clock.clock(Look(ctx, answers))]
    assert (found == []) if words is None else found[0].startswith(words)


def test_clock_before_the_volume(ctx: Context) -> None:
    """Without any server, a clock that is far before the newest package list is seen."""
    status = ctx.volume / "var/lib/dpkg/status"
    os.utime(status, (time.time() + 86000,) * 2)
    assert list(clock.clock(Look(ctx, ()))) == []
    os.utime(status, (time.time() + 40 * 86400,) * 2)
    (found,) = clock.clock(Look(ctx, ()))
    assert "40 days before the image or the Ubuntu was made: set the host's clock" in found.text


@pytest.mark.parametrize(
    ("release", "number", "words"),
    [
        ("8.8.15", errno.EOPNOTSUPP, None),
        ("10.0", None, None),
        ("10.0", errno.EPERM, "--cap-add SETFCAP"),
        ("10.1", errno.EOPNOTSUPP, "the file system of the volume takes no file capabilities"),
    ],
)
def test_file_capabilities(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, release: str, number: int | None, words: str | None
) -> None:
    """A release that needs file capabilities has one tried on the volume, and nothing of the try stays."""

    def refuse(*_words: object) -> None:
        if number is not None:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "setxattr", refuse)
    before = sorted(ctx.volume.rglob("*"))
    archive = {"ZFLOW_RELEASE_URL": __file__, "ZFLOW_RELEASE_SHA256": "0" * 64}
    found = texts(context(ctx.volume, ZFLOW_RELEASE=release, **archive))
    assert (found == []) if words is None else (len(found) == 1 and words in found[0])
    assert sorted(ctx.volume.rglob("*")) == before


def test_home_that_the_installer_refuses(ctx: Context) -> None:
    """A link in the place of /opt/zimbra is refused, as the vendor does."""
    (ctx.volume / "elsewhere").mkdir()
    (ctx.volume / "opt").mkdir()
    (ctx.volume / "opt/zimbra").symlink_to(ctx.volume / "elsewhere")
    assert [each for each in texts(ctx) if "symbolic link" in each] == texts(ctx) != []


@pytest.mark.root
def test_a_mount_with_files_is_not_given_to_the_installer(ctx: Context, mounted: Path) -> None:
    """What the operator mounted below /opt/zimbra is empty, or is named: the installer's clean-up would empty it."""
    assert texts(ctx) == []
    (mounted / "backup.tar").write_text("x")
    (found,) = texts(ctx)
    assert str(mounted) in found


@pytest.mark.root
def test_file_capabilities_on_real_file_systems(ctx: Context, mounted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel itself says which file system takes a capability."""
    archive = {"ZFLOW_RELEASE_URL": __file__, "ZFLOW_RELEASE_SHA256": "0" * 64}
    wanting = context(ctx.volume, ZFLOW_RELEASE="10.1", **archive)
    assert texts(wanting) == []
    monkeypatch.setattr(system, "HOME", mounted.relative_to(ctx.volume))
    (found,) = texts(wanting)
    assert found.endswith("takes no file capabilities, which this release needs: Operation not supported")


def test_a_local_archive_must_be_there(ctx: Context) -> None:
    """An archive that is a file is looked for now, and not after the bootstrap's minutes."""
    archive = {"ZFLOW_RELEASE_URL": "/absent/zcs.tgz", "ZFLOW_RELEASE_SHA256": "0" * 64}
    assert texts(context(ctx.volume, **archive)) == ["there is no file /absent/zcs.tgz inside the container"]


def test_the_name_must_lead_somewhere(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that programs inside cannot resolve is told; where there is no network a loopback address will do."""
    (found,) = texts(context(ctx.volume, leads_to=""))
    assert "does not resolve" in found
    for module in (names, network):
        monkeypatch.setattr(module, "addresses", lambda: Addresses((), six=False))
    assert texts(context(ctx.volume, leads_to="127.0.1.1")) == []


@pytest.mark.parametrize(
    ("hard", "files"), [(1024, 1024), (needs.VENDOR, needs.VENDOR), (1 << 30, needs.VENDOR), (-1, needs.VENDOR)]
)
def test_open_files(monkeypatch: pytest.MonkeyPatch, hard: int, files: int) -> None:
    """The container's hard limit counts, up to what the vendor asks for."""
    assert resource.RLIM_INFINITY == -1
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (512, hard))
    assert needs.open_files() == files


@pytest.mark.parametrize(
    ("texts", "most"), [(["max\n"], None), (["40\n"], 40), (["max", "2048"], 2048), ([], None), ([""], None)]
)
def test_limit_of_processes(tmp_path: Path, texts: list[str], most: int | None) -> None:
    """The control group's limit is read in both versions; `max` and an absent file are none."""
    paths = tuple(tmp_path / str(number) for number, _ in enumerate(texts))
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    assert needs.processes((*paths, tmp_path / "absent")) == most


def test_low_limits_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each start, and not at the install alone, limits that are too low for a server are named with the way out."""
    ctx = context(tmp_path)
    for files, most, gib, told in (
        (needs.LEAST, None, 8, []),
        (1024, needs.LEAST_PROCESSES, 8, ["1024 open files"]),
        (1024, 40, 3, ["1024 open files", "40 processes and threads", "3.0 GiB of memory, at least 6 required"]),
    ):
        monkeypatch.setattr(needs, "memory", lambda gib=gib: Memory(gib * GIB, 16 * GIB))
        monkeypatch.setattr(limits, "open_files", lambda files=files: files)
        monkeypatch.setattr(limits, "processes", lambda most=most: most)
        limits.apply(ctx)
        evidence = limits.probe(ctx)
        assert evidence is not None
        assert [part in each for part, each in zip(told, evidence.notices, strict=True)] == [True] * len(told)


def test_limits_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file follows the container's limit at every start, and its name is read after the vendor's."""
    ctx = context(tmp_path)
    for files in (524288, 65536):
        monkeypatch.setattr(limits, "open_files", lambda files=files: files)
        assert limits.probe(ctx) is None
        limits.apply(ctx)
        assert limits.probe(ctx) is not None
        lines = (tmp_path / limits.PLACE).read_text().splitlines()
        assert lines[1:] == [f"zimbra {kind} nofile {files}" for kind in ("soft", "hard")]
