"""A second container at a volume that another one holds: processes in namespaces of their own over one folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.commands import TOY
from tests.engine.toy import Bench
from tests.engine.where import LIMIT, ROOT
from zflow import codes
from zflow.commands.group import group
from zflow.commands.guard import Access, access, leaves
from zflow.exits import Exit
from zflow.host.boot import boot_identity
from zflow.supervise.lock import RUNNER, WALKER
from zflow.walk import process

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare"),
]
OTHER = ("unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc")
"""Runs a command as in a container of its own."""
HOLD = """
import sys
from pathlib import Path
from zflow.supervise.lock import held
with held(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.readline()
"""
WRITING = (
    "run", "walk", "resume", "resume --no-follow", "pause", "reset-state one --yes", "journal rebuild --yes",
    "shell true", "tls deploy", "dkim rotate example.org --yes", "upgrade --release 10.1 --yes", "upgrade --withdraw",
    "install", "install --again", "alert --test", "admit", "shut-down",
)  # fmt: skip
READING = (
    "history",
    "reset-state one --dry-run",
    "plan",
    "verify",
    "doctor",
    "logs",
    "analyze",
    "graph",
    "journal verify",
)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A volume that was walked to its end."""
    process.walk(TOY, tmp_path, {}, "test")
    return tmp_path


@pytest.fixture(params=[RUNNER, WALKER])
def held_elsewhere(volume: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The volume while the supervisor of another container, or a walker without one, holds it."""
    argv = [*OTHER, sys.executable, "-c", HOLD, str(volume), request.param]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        yield volume
        assert first.poll() is None
        first.communicate("let go\n")


def zflow(volume: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the toy's `zflow`."""
    argv = [sys.executable, "-m", "tests.engine.toy_zflow", *command.split()]
    environment = os.environ | {"ZFLOW_VOLUME": str(volume)}
    return subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT)


def content(volume: Path) -> dict[str, str]:
    """Return what every file on the volume holds."""
    files = {str(path): path.read_bytes() for path in volume.rglob("*") if path.is_file()}
    made_by_a_look = {
        name for name, text in files.items() if name.endswith("-shm") or (name.endswith("-wal") and not text)
    }
    return {name: hashlib.sha256(text).hexdigest() for name, text in files.items() if name not in made_by_a_look}


def test_whatever_writes_is_refused_and_touches_nothing(held_elsewhere: Path) -> None:
    """Exit code 4, the code and the way out; not a byte on the volume is another one."""
    before = content(held_elsewhere)
    for command in WRITING:
        ended = zflow(held_elsewhere, command)
        said = ended.stdout + ended.stderr
        assert (command, ended.returncode, codes.HELD.id in said) == (command, Exit.HELD, True), said
        assert "another container" in said
        assert content(held_elsewhere) == before, command


def test_whatever_looks_says_who_holds_it(held_elsewhere: Path) -> None:
    """It works, and tells on standard error that what runs elsewhere is not seen from here."""
    before = content(held_elsewhere)
    for command in READING:
        ended = zflow(held_elsewhere, command)
        assert "held by another container" in ended.stderr, (command, ended)
        assert "Traceback" not in ended.stderr
    ended = zflow(held_elsewhere, "status")
    assert (ended.returncode, "held by another container" in ended.stdout) == (Exit.HELD, True), ended
    assert "Start the container" not in ended.stdout
    assert content(held_elsewhere) == before


def test_the_health_of_a_container_is_its_own(volume: Path) -> None:
    """The supervisor of another container makes this one neither live nor ready."""
    argv = [*OTHER, sys.executable, "-c", HOLD, str(volume), RUNNER]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        first.stdout.readline()
        for question in ("startup", "live", "ready"):
            ended = zflow(volume, f"health {question}")
            assert (ended.returncode, ended.stdout) == (1, "held by another container\n")
        first.communicate("let go\n")


UBUNTU = """
for each in bin dev lib lib64 usr; do mkdir -p "$ZFLOW_VOLUME/$each"; mount --bind "/$each" "$ZFLOW_VOLUME/$each"; done
"""
SHELL = f"""{UBUNTU}
exec "$0" -m tests.engine.toy_zflow shell sh -c 'echo at work; exec cat'
"""
DAEMON = f"""{UBUNTU}
"$0" -m tests.engine.toy_zflow shell sh -c 'setsid sleep 600 >/dev/null 2>&1 & exit 7' || echo "ended with $?"
cat
"""


def test_a_shell_holds_the_volume_while_it_works(volume: Path) -> None:
    """In a container without a supervisor: until it has ended no other container begins; its own one may."""
    argv = [*OTHER, "sh", "-ec", SHELL, sys.executable]
    environment = os.environ | {"ZFLOW_VOLUME": str(volume)}
    with subprocess.Popen(argv, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
        assert shell.stdout is not None
        assert shell.stdout.readline() == b"at work\n"
        beside = zflow(volume, "run")
        assert (beside.returncode, codes.HELD.id in beside.stdout) == (Exit.HELD, True), beside
        assert zflow(volume, "status").returncode == Exit.HELD
        inside = ["nsenter", "--target", child_of(shell.pid), "--mount", "--pid", f"--wd={ROOT}", sys.executable, "-m"]
        resumed = subprocess.run([*inside, "tests.engine.toy_zflow", "resume"], env=environment, check=False)
        assert resumed.returncode == Exit.VALID
        shell.communicate()
    assert zflow(volume, "resume").returncode == Exit.VALID


def test_a_daemon_that_a_shell_started_holds_nothing(volume: Path) -> None:
    """It lives on in its container; the shell has ended, with its command's exit code, and let go of the volume."""
    argv = [*OTHER, "sh", "-ec", DAEMON, sys.executable]
    environment = os.environ | {"ZFLOW_VOLUME": str(volume)}
    with subprocess.Popen(argv, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as left:
        assert left.stdout is not None
        assert left.stdout.readline() == b"ended with 7\n"
        assert b"sleep\x00600" in b"".join(commands_below(int(child_of(left.pid))))
        resumed = zflow(volume, "resume")
        assert resumed.returncode == Exit.VALID, resumed
        left.communicate()


def commands_below(pid: int) -> Iterator[bytes]:
    """Yield the command lines of a process's children."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield Path(f"/proc/{child}/cmdline").read_bytes()


def child_of(pid: int) -> str:
    """Return the number of a process's one child."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()


def test_a_killed_containers_name_holds_nothing(volume: Path) -> None:
    """What it left in the lock's file is of another container; the kernel says that it is free."""
    argv = [*OTHER, sys.executable, "-c", HOLD, str(volume), RUNNER]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        first.stdout.readline()
        first.kill()
    (volume / ".zflow" / WALKER).write_text((volume / ".zflow" / RUNNER).read_text())
    assert zflow(volume, "resume").returncode == Exit.VALID
    assert Bench(volume, boot_identity()).events()[-1]["kind"] == "checked"


def test_every_command_is_known_to_write_or_to_look() -> None:
    """A new command is thought of here: the names are those that there are, and each that writes is tried above."""

    there = {name: access(command) for name, command in leaves(group)}
    assert {name for name, kind in there.items() if kind is Access.LOOKS} == {
        "history", "plan", "verify", "logs", "analyze", "graph", "config", "collect", "doctor", "firewall show",
        "tls show", "tls check", "tls audit", "dns", "dkim show", "journal verify",
    }  # fmt: skip
    assert {name for name, kind in there.items() if kind is Access.APART} == {
        "status", "health", "version", "explain", "completion"
    }  # fmt: skip
    writing = [name for name, kind in there.items() if kind in {Access.WRITES, Access.LOCKLESS}]
    assert [name for name in writing if not any(tried.startswith(name) for tried in WRITING)] == []
