"""A second container over the volume of a serving first: whatever it is told, the first one serves on untouched."""

from __future__ import annotations

import subprocess
import time

import pytest

from rehearsal.engine import IMAGE, LABEL
from rehearsal.machine import CAPABILITIES, Machine
from tests.engine.test_elsewhere import WRITING

pytestmark = [pytest.mark.container, pytest.mark.network]
READING = (
    "history", "plan", "verify", "doctor", "logs", "analyze", "graph", "config", "journal verify", "tls show",
    "tls check", "tls audit", "dns", "dkim show", "firewall show", "reset-state tls --dry-run",
    "collect /tmp/bundle.tar.gz",
)  # fmt: skip
PROCESSES = 'for each in /proc/[0-9]*/stat; do read -r pid rest < "$each" && echo "$pid ${rest#*) }"; done'


def second(first: Machine, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a container of its own with all that the first one was given."""
    variables = [word for pair in first.environment.items() for word in ("--env", "=".join(pair))]
    mounts = [
        word for mount in (f"{first.name}:/data:{first.engine.volume_options}", *first.mounts) for word in ("-v", mount)
    ]
    rights = [word for name in CAPABILITIES for word in ("--cap-add", name)]
    return first.engine.run(
        "run", "--rm", *first.engine.options, "--label", f"{LABEL}={first.label}", "--hostname", first.hostname,
        *rights, *mounts, *variables, IMAGE, *command.split(), check=False,
    )  # fmt: skip


def processes(machine: Machine) -> dict[str, str]:
    """Return the container's processes by number, with their start time, which no later one of that number has."""
    said = machine.run("sh", "-c", PROCESSES).stdout
    return {line.split()[0]: line.split()[20] for line in said.splitlines() if len(line.split()) > 20}


def journal(machine: Machine) -> list[bytes]:
    """Return the bytes of the journal and of what was written ahead of it."""
    home = machine.volume_path() / ".zflow"
    files = [home / "journal.sqlite3", home / "journal.sqlite3-wal"]
    return [each.read_bytes() if each.exists() else b"" for each in files]


def test_a_serving_server_is_not_touched_from_a_second_container(finished: Machine) -> None:
    """What writes ends with 4 and its code, what looks says who holds the volume; services and journal are the same."""
    assert finished.wait_valid(600) == 0, finished.logs()[-3000:]
    early = processes(finished)
    time.sleep(5)
    stable = {pid: began for pid, began in processes(finished).items() if early.get(pid) == began}
    assert len(stable) > 3
    before = journal(finished)
    for command in WRITING:
        ended = second(finished, command.replace("reset-state one", "reset-state tls"))
        said = ended.stdout + ended.stderr
        assert (command, ended.returncode, "ZF-1005" in said) == (command, 4, True), said[-2000:]
        assert journal(finished) == before, command
    for command in READING:
        ended = second(finished, command)
        assert "held by another container" in ended.stderr, (command, ended)
        assert "Traceback" not in ended.stdout + ended.stderr, (command, ended)
    status, health = second(finished, "status"), second(finished, "health")
    assert (status.returncode, "held by another container" in status.stdout) == (4, True), status
    assert (health.returncode, health.stdout.strip()) == (1, "held by another container")
    assert journal(finished) == before
    now = processes(finished)
    assert {pid: now.get(pid) for pid in stable} == stable
    assert finished.run("zflow", "health", "ready").returncode == 0
    assert finished.wait_valid(60) == 0
