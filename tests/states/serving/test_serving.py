"""What is watched while the server runs, and what its end does."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from states.serving import shutdown, watched_files, watches
from states.serving.watches import ADDRESSES, MOST
from states.ubuntu import cron, dnsmasq, periodic
from states.ubuntu.addresses import UNUSABLE
from states.zimbra import syslog
from states.zimbra.proof import DATA, UNFINISHED
from states.zimbra.services import RECORD, STATUS
from tests.states.install.inside import living
from tests.states.install.records import session, write_history, write_proof, write_server
from tests.states.install.shells import Answering, commands
from tests.support import make_context
from zflow.api import CommandError, Context
from zflow.codes import TIME_LIMIT

LONG = 30
"""Seconds after which a look hangs."""
SLAPD = "/opt/zimbra/common/libexec/slapd"
CHROOT = """\
#!/bin/sh
echo "$@" >"$0.argv"
cat "$0.answer"
exit "$(cat "$0.code")"
"""


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context over an empty volume, with no DNS of ours on this machine."""
    monkeypatch.setattr(dnsmasq, "PID", tmp_path / "dnsmasq.pid")
    return make_context(tmp_path, shell=Answering(tmp_path))


def test_nothing_to_watch(ctx: Context) -> None:
    """Before there is a proven server nothing is watched: neither on an empty volume nor on a configured one."""
    assert (watched_files(ctx), watches(ctx)) == ((), ())
    write_history(ctx.volume, session(100, stages=("BEGIN",)))
    write_proof(ctx.volume, 100)
    assert (watched_files(ctx), watches(ctx)) == ((), ())


@pytest.mark.parametrize("code", [0, 1])
def test_look(ctx: Context, code: int) -> None:
    """The look passes on zmcontrol's answer and exit code, and leaves the answer where the probe reads it."""
    write_server(ctx.volume)
    (watch,) = (each for each in watches(ctx) if each.name == "services")
    program = ctx.volume / "bin/chroot"
    program.parent.mkdir()
    (ctx.volume / STATUS).parent.mkdir(parents=True)
    program.write_text(CHROOT)
    program.chmod(0o755)
    for answer in ("Host x\n\tldap                    Running\n", "Host x\n\tldap                    Stopped\n"):
        (ctx.volume / "bin/chroot.answer").write_text(answer)
        (ctx.volume / "bin/chroot.code").write_text(str(code))
        environment = {"PATH": f"{program.parent}:/usr/bin:/bin"}
        done = subprocess.run(watch.argv, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (code, answer, "")
        assert (ctx.volume / STATUS).read_text() == answer
    argv = (ctx.volume / "bin/chroot.argv").read_text()
    assert argv.startswith(f"--userspec=zimbra:zimbra {ctx.volume} env -i HOME=/opt/zimbra ")
    assert argv.endswith("bash --login -c cd && zmcontrol status\n")
    assert [each.name for each in (ctx.volume / STATUS).parent.iterdir()] == ["zmcontrol.status"]


def test_look_at_what_prints_without_end(ctx: Context) -> None:
    """User zimbra's shell prints what it likes: root's keeps a part, and calls it no good answer."""
    write_server(ctx.volume)
    (watch,) = (each for each in watches(ctx) if each.name == "services")
    program = ctx.volume / "bin/chroot"
    program.parent.mkdir()
    (ctx.volume / STATUS).parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nexec yes Running\n")
    program.chmod(0o755)
    environment = {"PATH": f"{program.parent}:/usr/bin:/bin"}
    done = subprocess.run(watch.argv, env=environment, stdout=subprocess.DEVNULL, timeout=LONG, check=False)
    assert done.returncode != 0
    assert (ctx.volume / STATUS).stat().st_size <= MOST + 1


def endless(path: Path) -> None:
    """Make a file of a terabyte, which takes no room."""
    path.touch()
    os.truncate(path, 1 << 40)


PLANTED: dict[str, Callable[[Path], object]] = {
    "link to a device without end": lambda path: path.symlink_to("/dev/urandom"),
    "link to a living number": lambda path: path.symlink_to("living"),
    "pipe": os.mkfifo,
    "file without end": endless,
    "folder": Path.mkdir,
    "nothing in it": Path.touch,
}


@pytest.mark.parametrize("planted", PLANTED)
def test_planted_in_the_place_of_a_number(ctx: Context, planted: str) -> None:
    """Whatever user zimbra puts there, root's shell neither waits for it nor swallows it: it counts as gone."""
    write_server(ctx.volume)
    (ctx.volume / RECORD).parent.mkdir(parents=True)
    (ctx.volume / "living").write_text(f"{os.getpid()}\n")
    PLANTED[planted](ctx.volume / "planted")
    record = {"boot": ctx.boot, "services": [], "pid_files": {"living": "", "planted": ""}, "ports": []}
    (ctx.volume / RECORD).write_text(json.dumps(record))
    (watch,) = (each for each in watches(ctx) if each.name == "processes")
    done = subprocess.run(watch.argv, stdout=subprocess.PIPE, text=True, timeout=LONG, check=False)
    assert done.stdout.splitlines()[0] == f"{ctx.volume}/planted"


def test_processes(ctx: Context) -> None:
    """The cheap look fails and names what is gone: the server's processes, the DNS, the system log and cron."""
    write_server(ctx.volume)
    (ctx.volume / RECORD).parent.mkdir(parents=True)
    for name, pid in (("alive", os.getpid()), ("dead", 1 << 29)):
        (ctx.volume / name).write_text(f"{pid}\n")
    record = {
        "boot": ctx.boot,
        "services": [],
        "pid_files": dict.fromkeys(("alive", "dead", "absent"), ""),
        "ports": [],
    }
    (ctx.volume / RECORD).write_text(json.dumps(record))
    (watch,) = (each for each in watches(ctx) if each.name == "processes")
    for gone in (["dead", "absent"], ["alive", "dead", "absent"]):
        done = subprocess.run(watch.argv, stdout=subprocess.PIPE, text=True, check=False)
        others = [str(dnsmasq.PID), f"{ctx.volume}/{syslog.PID}", f"{ctx.volume}/{cron.PID_FILE}"]
        assert done.stdout.splitlines() == [*(f"{ctx.volume}/{name}" for name in gone), *others]
        assert done.returncode == 1
        (ctx.volume / "alive").write_text("rubbish\n")


ADDED = """\
ip link set lo up; ip address add 10.0.0.2/24 dev lo
sh -c "$0"; echo; ip address add 10.0.0.3/24 dev lo; sh -c "$0"
echo; ip address add 2001:db8::2/64 dev lo nodad; sh -c "$0"; echo; sh -c "$0"
"""


@pytest.mark.root
def test_addresses_that_come_while_serving(ctx: Context) -> None:
    """Another address of the container is another answer, of either family; nothing else is."""
    write_server(ctx.volume)
    (watch,) = (each for each in watches(ctx) if each.name == "addresses")
    argv = ["unshare", "--net", "sh", "-c", ADDED, watch.argv[2]]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    first, other, both, same = done.stdout.split("\n\n")
    assert first != other != both == same.rstrip()
    assert "20010db8" in both


def test_flags_of_an_address() -> None:
    """The watch calls the same IPv6 addresses usable as the look at the start does."""
    (usable,) = re.findall(r"/(\^\S+\$)/", ADDRESSES)
    assert all((re.match(usable, f"{flags:02x}") is None) == bool(flags & UNUSABLE) for flags in range(0xA0))


def test_what_the_engine_writes_is_watched(ctx: Context) -> None:
    """A resolv.conf or a hosts file that changes starts a walk, and so does the end of a run of the updates."""
    write_server(ctx.volume)
    paths = {path for watch in watched_files(ctx) for path in watch.paths}
    assert paths == {"/etc/resolv.conf", "/etc/hosts", *(f"{ctx.volume}/{each}" for each in periodic.RESULTS)}


def test_end_without_a_server(ctx: Context) -> None:
    """Where no server is none is stopped, and the end comes quietly."""
    shutdown(ctx)
    assert commands(ctx) == []


@pytest.mark.root
@pytest.mark.parametrize("failure", [None, CommandError(TIME_LIMIT, ("zmcontrol", "stop"), -15, "")])
@pytest.mark.parametrize("proven", [True, False], ids=["proven", "its proof lost"])
def test_end_of_a_server(ctx: Context, failure: CommandError | None, proven: bool) -> None:
    """A server is stopped the vendor's way, then what is left inside is ended, also when the stop failed."""
    alive: list[bool] = []
    if proven:
        write_server(ctx.volume)
    (ctx.volume / DATA[1]).mkdir(parents=True)
    with living(ctx.volume, SLAPD) as server:

        def stop(argv: tuple[str, ...]) -> str | Exception:
            assert argv == ("zmcontrol", "stop")
            alive.append(server.poll() is None)
            return failure or ""

        shutdown(make_context(ctx.volume, shell=Answering(ctx.volume, stop)))
        assert alive == [True]
        assert server.wait(LONG) == -signal.SIGTERM


@pytest.mark.root
@pytest.mark.parametrize("mark", UNFINISHED)
def test_end_of_a_server_that_is_being_built(ctx: Context, mark: str) -> None:
    """What is thrown away at the next start is not stopped with patience."""
    (ctx.home / mark).touch()
    (ctx.volume / DATA[1]).mkdir(parents=True)
    with living(ctx.volume, SLAPD) as server:
        shutdown(ctx)
        assert commands(ctx) == []
        assert server.wait(LONG) == -signal.SIGTERM
