"""What zmcontrol prints, what a running server looked like, and what of it is gone."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states.install import services as services_step
from states.ubuntu.processes import command_of
from states.zimbra import codes, services
from tests.states.install.inside import living, nameless
from tests.states.install.shells import Answering, commands
from tests.support import make_context
from zflow.api import CommandError, Context, TransientError


def lines(**states: str) -> str:
    """Return what `zmcontrol status` prints: `\\t%-20s %10s`, with the reasons indented below (docs/zimbra.md §3.5)."""
    text = "Host mail.example.org\n"
    for name, state in states.items():
        text += f"\t{name.replace('_', ' '):<20} {state:>10}\n"
        text += f"\t\t{name} is not running.\n" if state == "Stopped" else ""
    return text


WHOLE = lines(ldap="Running", mailbox="Running", mta="Running", service_webapp="Running")


def test_parse() -> None:
    """Each service is read with its state, names of two words too; reasons below are no services."""
    found = services.parse(lines(ldap="Running", mta="Stopped", service_webapp="Running", stats="Stopped"))
    assert found == {"ldap": True, "mta": False, "service webapp": True, "stats": False}


def test_cached_list() -> None:
    """The warning that the list comes from a cache does not hide the list."""
    warning = "Connect: Unable to determine enabled services from ldap.\nEnabled services read from cache.\n"
    assert services.parse(warning + WHOLE) == services.parse(WHOLE)


@pytest.mark.parametrize(
    ("output", "down"),
    [
        (WHOLE, []),
        (lines(ldap="Running", mta="Stopped", amavis="Stopped"), ["amavis", "mta"]),
        (lines(ldap="Running", stats="Stopped", snmp="Stopped", logger="Stopped", spell="Stopped"), []),
        ("", [services.UNREADABLE]),
        ("Host mail.example.org\n", [services.UNREADABLE]),
        ("Unable to determine enabled services. Cache is out of date or doesn't exist.\n", [services.UNREADABLE]),
        (lines(ldap="Running") + "Timeout after 180 seconds\n", [services.UNREADABLE]),
        ("Run as the zimbra user!\n", [services.UNREADABLE]),
    ],
)
def test_down(output: str, down: list[str]) -> None:
    """What should run and does not is told; an answer that is empty or was cut off is no good one."""
    assert services.down(services.parse(output)) == down


@given(st.text())
def test_any_output(output: str) -> None:
    """Whatever is printed can be read; what cannot is down."""
    found = services.parse(output)
    assert found or services.down(found) == [services.UNREADABLE]


def context(volume: Path, *answers: str, boot: str = "this") -> Context:
    """Return a context whose `zmcontrol status` gives these answers in order, the last one ever after."""
    left = list(answers)

    def answer(argv: tuple[str, ...]) -> str:
        return (left.pop(0) if len(left) > 1 else left[0]) if argv[1] == "status" else ""

    return make_context(volume, shell=Answering(volume, answer), boot=boot)


def verbs(ctx: Context) -> list[str]:
    """Return which commands of zmcontrol were run."""
    return [argv[1] for argv in commands(ctx)]


@pytest.fixture(autouse=True)
def ports(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Return the ports that something listens on; a test may change them."""
    found = {22, 25, 443}
    monkeypatch.setattr(services, "listening", lambda: found)
    return found


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Return the process ids that count as the server's; a test may change them."""
    found: set[int] = set()
    monkeypatch.setattr(services, "_is_servers", lambda _ctx, pid: pid in found)
    return found


def test_running_server(tmp_path: Path) -> None:
    """A server that runs is only written down; the record holds for this boot."""
    ctx = context(tmp_path, WHOLE)
    services_step.apply(ctx)
    assert verbs(ctx) == ["status", "status"]
    evidence = services_step.probe(ctx)
    assert evidence is not None
    assert evidence.summary == "4 services, 0 processes, 2 ports"
    assert services_step.probe(context(tmp_path, WHOLE, boot="the next")) is None


def test_stopped_server(tmp_path: Path, alive: set[int]) -> None:
    """A stopped server is started, after the files of processes that are gone were removed."""
    alive.add(7)
    log = tmp_path / "opt/zimbra/log"
    log.mkdir(parents=True)
    for name, content in (("a.pid", "7"), ("b.pid", "8"), ("c.pid", "rubbish")):
        (log / name).write_text(content)
    ctx = context(tmp_path, lines(ldap="Stopped"), WHOLE)
    services_step.apply(ctx)
    assert verbs(ctx) == ["status", "start", "status"]
    assert sorted(each.name for each in log.iterdir()) == ["a.pid"]
    assert services_step.probe(ctx) is not None


def test_services_that_stay_down(tmp_path: Path) -> None:
    """What is down after a start is told by name and tried again later; there is no record then."""
    ctx = context(tmp_path, lines(ldap="Running", mta="Stopped", amavis="Stopped"))
    with pytest.raises(TransientError) as caught:
        services_step.apply(ctx)
    assert (caught.value.code, caught.value.detail) == (codes.SERVICES, "amavis, mta")
    assert services_step.probe(ctx) is None


def test_start_that_fails(tmp_path: Path) -> None:
    """A start that is ended by its time limit has the code of the services."""
    failure = CommandError(codes.SERVICES, ("zmcontrol",), -15, "")
    ctx = make_context(tmp_path, shell=Answering(tmp_path, lambda _argv: failure))
    with pytest.raises(TransientError) as caught:
        services.start(ctx)
    assert caught.value.code is codes.SERVICES


GONE: dict[str, tuple[Callable[[Path, set[int], set[int]], object], str]] = {
    "process": (lambda _volume, alive, _ports: alive.clear(), "process of opt/zimbra/log/x.pid"),
    "pid file": (
        lambda volume, _alive, _ports: (volume / "opt/zimbra/log/x.pid").unlink(),
        "process of opt/zimbra/log",
    ),
    "port": (lambda _volume, _alive, ports: ports.discard(443), "port 443"),
    "service": (lambda volume, _a, _p: (volume / services.STATUS).write_text(lines(mta="Stopped")), "mta"),
    "answer": (lambda volume, _a, _p: (volume / services.STATUS).unlink(), services.UNREADABLE),
}


@pytest.mark.parametrize("case", GONE)
def test_what_is_gone(tmp_path: Path, alive: set[int], ports: set[int], case: str) -> None:
    """Each part of a recorded server that is gone makes the step due, and is named."""
    harm, words = GONE[case]
    alive.add(7)
    (tmp_path / "opt/zimbra/log").mkdir(parents=True)
    (tmp_path / "opt/zimbra/log/x.pid").write_text("7")
    ctx = context(tmp_path, WHOLE)
    services_step.apply(ctx)
    found = services.recorded(ctx)
    assert found is not None
    assert services.missing(ctx, found) == []
    harm(tmp_path, alive, ports)
    assert services_step.probe(ctx) is None
    (gone,) = services.missing(ctx, found)
    assert gone.startswith(words)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"boot": "this"}', '{"boot": "this", "services": 1}'])
def test_torn_record(tmp_path: Path, content: str) -> None:
    """A record that cannot be read is none."""
    ctx = context(tmp_path, WHOLE)
    services_step.apply(ctx)
    assert json.loads((tmp_path / services.RECORD).read_text())["boot"] == "this"
    (tmp_path / services.RECORD).write_text(content)
    assert services.recorded(ctx) is None


def test_strangers_process(tmp_path: Path) -> None:
    """A number in a file that is a process outside the Ubuntu is not the server's."""
    (tmp_path / "opt/zimbra/log").mkdir(parents=True)
    (tmp_path / "opt/zimbra/log/x.pid").write_text(str(os.getpid()))
    ctx = context(tmp_path, WHOLE)
    assert services.living_pid_files(ctx) == []
    assert services.drop_stale_pid_files(ctx) == 1


def truthful(volume: Path) -> Context:
    """Return a context whose zmcontrol goes by the number in the file, as the vendor's commands do."""

    def answer(argv: tuple[str, ...]) -> str:
        if argv[1] == "start":
            (volume / LDAP).parent.mkdir(exist_ok=True)
            (volume / LDAP).write_text(f"{os.getpid()}\n")
        number = (volume / LDAP).read_text().strip() if (volume / LDAP).exists() else ""
        lives = number.isdigit() and Path(f"/proc/{number}").exists()
        return lines(ldap="Running" if lives else "Stopped")

    return make_context(volume, shell=Answering(volume, answer), boot="this")


LDAP = Path("opt/zimbra/data/ldap/state/run/slapd.pid")
SLAPD = ("/opt/zimbra/common/libexec/slapd", "-l", "LOCAL0")


def write_number(volume: Path, process: Popen[bytes]) -> None:
    """Write a process's number where slapd does."""
    (volume / LDAP).parent.mkdir(parents=True, exist_ok=True)
    (volume / LDAP).write_text(f"{process.pid}\n")


@pytest.mark.root
@pytest.mark.parametrize("lost", ["no file", "an empty one", "another's number"])
def test_a_lost_number_is_no_outage(tmp_path: Path, lost: str) -> None:
    """A process whose file was lost is found by its command, and goes on under its number; nothing is started."""
    with living(tmp_path, *SLAPD) as server, living(tmp_path, "/bin/bash") as other:
        write_number(tmp_path, server)
        ctx = truthful(tmp_path)
        services_step.apply(ctx)
        if lost == "no file":
            (tmp_path / LDAP).unlink()
        else:
            (tmp_path / LDAP).write_text("" if lost == "an empty one" else f"{other.pid}\n")
        assert services_step.probe(ctx) is None
        services_step.apply(ctx)
        assert services_step.probe(ctx) is not None
        assert (tmp_path / LDAP).read_text() == f"{server.pid}\n"
        assert server.poll() is None
    assert "start" not in verbs(ctx)


@pytest.mark.root
def test_a_process_whose_folder_was_lost_is_ended_before_the_start(tmp_path: Path) -> None:
    """There is no place for its number, so that nothing would find it."""
    with living(tmp_path, *SLAPD) as server:
        write_number(tmp_path, server)
        ctx = truthful(tmp_path)
        services_step.apply(ctx)
        (tmp_path / LDAP).unlink()
        (tmp_path / LDAP).parent.rmdir()
        services_step.apply(ctx)
        assert server.wait(30) == -signal.SIGTERM


@pytest.mark.root
def test_twins_of_a_lost_number_are_ended_before_the_start(tmp_path: Path) -> None:
    """Where two have the command of one lost file nobody knows which one counts: both end, and one is started."""
    with living(tmp_path, *SLAPD) as server, living(tmp_path, *SLAPD) as twin:
        write_number(tmp_path, server)
        ctx = truthful(tmp_path)
        services_step.apply(ctx)
        (tmp_path / LDAP).unlink()
        services_step.apply(ctx)
        assert {server.wait(30), twin.wait(30)} == {-signal.SIGTERM}
    assert verbs(ctx)[-3:] == ["status", "start", "status"]


@pytest.mark.root
def test_an_empty_command_is_nobodys(tmp_path: Path) -> None:
    """One that ended while the record was made has none there; no other process without one is taken for it."""
    with nameless(tmp_path) as other:
        ctx = context(tmp_path, WHOLE)
        content = {"boot": ctx.boot, "services": [], "ports": [], "pid_files": {"opt/zimbra/log/gone.pid": ""}}
        (tmp_path / services.RECORD).parent.mkdir(parents=True)
        (tmp_path / services.RECORD).write_text(json.dumps(content))
        assert command_of(other.pid) == ""
        services_step.apply(ctx)
        assert not (tmp_path / "opt/zimbra/log/gone.pid").exists()
        assert other.poll() is None


MASTER = Path("opt/zimbra/data/postfix/spool/pid/master.pid")
POSTFIX = ("/opt/zimbra/common/libexec/master", "-w")


@pytest.mark.root
@pytest.mark.parametrize("lock", [False, True], ids=["starts", "stays down by the lock on the lost file"])
def test_what_was_found_again_is_ended_only_where_a_start_does_not_help(tmp_path: Path, lock: bool) -> None:
    """Another service that is down costs a found process nothing; where its own is down for it, it goes at last."""
    up: set[str] = set()

    def answer(argv: tuple[str, ...]) -> str:
        if argv[1] == "start":
            up.add("mta" if not lock or server.poll() is not None else "")
        return lines(ldap="Running", mta="Running" if "mta" in up else "Stopped")

    with living(tmp_path, *POSTFIX) as server:
        ctx = make_context(tmp_path, shell=Answering(tmp_path, answer), boot="this")
        (tmp_path / MASTER).parent.mkdir(parents=True)
        (tmp_path / MASTER).write_text(f"{server.pid}\n")
        up.add("mta")
        services_step.apply(ctx)
        up.clear()
        (tmp_path / MASTER).unlink()
        services_step.apply(ctx)
        assert (server.poll() is None) == (not lock)
    assert verbs(ctx)[2:].count("start") == 1 + lock


@pytest.mark.root
def test_a_process_with_a_number_of_its_own_is_left_alone(tmp_path: Path) -> None:
    """One whose file is there is not taken for another's of the same command."""
    with living(tmp_path, *SLAPD) as server, living(tmp_path, *SLAPD) as other:
        write_number(tmp_path, server)
        beside = tmp_path / "opt/zimbra/log/other.pid"
        beside.parent.mkdir()
        beside.write_text(f"{other.pid}\n")
        ctx = truthful(tmp_path)
        services_step.apply(ctx)
        (tmp_path / LDAP).unlink()
        services_step.apply(ctx)
        assert ((tmp_path / LDAP).read_text(), beside.read_text()) == (f"{server.pid}\n", f"{other.pid}\n")
