"""A second container over the volume of a serving first: whatever it is told, the first one serves on untouched."""

from __future__ import annotations

import inspect
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rehearsal.engine import IMAGE, LABEL
from rehearsal.machine import CAPABILITIES, Machine
from tests.e2e.looks import keep_still
from zflow.commands import inner
from zflow.commands.group import group
from zflow.commands.guard import Access, access, leaves
from zflow.exits import Exit

REFUSED = (
    "run", "walk", "resume", "resume --no-follow", "pause", "reset-state tls --yes", "journal rebuild --yes",
    "shell true", "tls deploy", "dkim rotate example.test --yes", "upgrade --release 10.1 --yes", "upgrade --withdraw",
    "install", "install --again", "alert --test", "admit", "shut-down",
)  # fmt: skip
"""What writes: told that another container holds the volume, by ZF-1005."""
LOOKS = {
    "history": 0, "history --json": 0, "plan": 0, "verify": 1, "doctor": 1, "logs": 0, "logs install.setup": 0,
    "analyze": 0, "graph": 0, "config": 0, "config --example": 0, "journal verify": 0,
    "tls show": 1, "tls check": 0, "tls audit": 1, "dns": 0, "dkim show": 0,
    "firewall show": 1, "reset-state tls --dry-run": 0, "collect /tmp/bundle.tar.gz": 0,
}  # fmt: skip
"""What only looks, with its exit code: some look for what runs, which is in the other container."""
OTHERS = {
    "status": 4, "status --json": 4, "status --wait --timeout 5": 4, "health": 1, "health startup": 1,
    "health ready": 1, "version": 0, "explain": 0, "explain ZF-1005": 0, "completion bash": 0, "endpoint": 0,
}  # fmt: skip
"""What says it in its own words, or looks at no volume."""
ALONE = {"run", "resume", "reset-state tls --yes", "tls deploy"}
"""Run as a container's one command, by the image's own entry."""
TABLE = {**dict.fromkeys(REFUSED, int(Exit.HELD)), **LOOKS, **OTHERS}
PROCESSES = 'for each in /proc/[0-9]*/stat; do read -r pid rest < "$each" && echo "$pid ${rest#*) }"; done'


def given(first: Machine) -> list[str]:
    """Return the options of a container that has all that the first one was given."""
    variables = [word for pair in first.environment.items() for word in ("--env", "=".join(pair))]
    mounts = [
        word for mount in (f"{first.name}:/data:{first.engine.volume_options}", *first.mounts) for word in ("-v", mount)
    ]
    rights = [word for name in CAPABILITIES for word in ("--cap-add", name)]
    label = ("--label", f"{LABEL}={first.label}")
    return [*first.engine.options, *label, "--hostname", first.hostname, *rights, *mounts, *variables]


def alone(first: Machine, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as the image does, in a container that is there for it alone."""
    return first.engine.run("run", "--rm", *given(first), IMAGE, *command.split(), check=False, timeout=600)


@contextmanager
def second(first: Machine) -> Iterator[Machine]:
    """Give a container in which nothing runs, with all that the first one was given."""
    beside = Machine(f"{first.name}-second", engine=first.engine)
    first.engine.run(
        "run", "--detach", "--name", beside.name, *given(first), "--entrypoint", "sleep", IMAGE, "infinity"
    )
    try:
        yield beside
    finally:
        beside.remove(volume=False)


def processes(machine: Machine) -> dict[str, str]:
    """Return the container's processes by number, with their start time, which no later one of that number has."""
    said = machine.run("sh", "-c", PROCESSES).stdout
    return {line.split()[0]: line.split()[20] for line in said.splitlines() if len(line.split()) > 20}


def journal(machine: Machine) -> list[bytes]:
    """Return the bytes of the journal and of what was written ahead of it."""
    home = machine.volume_path() / ".zflow"
    files = [home / "journal.sqlite3", home / "journal.sqlite3-wal"]
    return [each.read_bytes() if each.exists() else b"" for each in files]


def test_no_command_is_missing_from_the_table() -> None:
    """Each that `zflow --help` lists, down to the last word, and each that the supervisor starts."""
    own = [name for name, what in inspect.getmembers(inner, inspect.isfunction) if what.__module__ == inner.__name__]
    commands = dict(leaves(group))
    there = {*commands, "endpoint", *(name.replace("_", "-") for name in own if not name.startswith("_"))}
    tried = {name for name in there if any(f"{each} ".startswith(f"{name} ") for each in TABLE)}
    assert tried == there
    assert {name for name, each in commands.items() if access(each) is Access.APART} <= {
        each.split(" ")[0] for each in OTHERS
    }


@pytest.mark.container
@pytest.mark.network
def test_a_serving_server_is_not_touched_from_a_second_container(finished: Machine) -> None:
    """The table of exit codes; the first one's services, their processes and its journal are the same after each.

    The first one is paused, for a walk of its own would write its journal.
    """
    finished.must_serve(600)
    keep_still(finished)
    early = processes(finished)
    time.sleep(5)
    stable = {pid: began for pid, began in processes(finished).items() if early.get(pid) == began}
    assert len(stable) > 3
    before, codes = journal(finished), {}
    with second(finished) as beside:
        for command in TABLE:
            ended = alone(finished, command) if command in ALONE else beside.run("zflow", *command.split())
            codes[command] = ended.returncode
            assert "Traceback" not in ended.stdout + ended.stderr, (command, ended)
            assert journal(finished) == before, command
            if command in REFUSED:
                assert "ZF-1005" in ended.stdout + ended.stderr, (command, ended)
            if command in LOOKS:
                assert "held by another container" in ended.stderr, (command, ended)
            if command.startswith(("status", "health")):
                assert "held by another container" in ended.stdout or '"elsewhere"' in ended.stdout, (command, ended)
    assert codes == TABLE
    now = processes(finished)
    assert {pid: now.get(pid) for pid in stable} == stable
    assert finished.run("zflow", "health", "ready").returncode == 0
    assert finished.run("zflow", "resume", timeout=300).returncode == 0
