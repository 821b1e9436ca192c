"""zflow's own dnsmasq in this container: how its process is recognised, and ended."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import time
from pathlib import Path

from states.ubuntu import processes
from zflow.api import proc

RUN = Path("/run/zflow")
CONFIG = RUN / "dnsmasq.conf"
PID = RUN / "dnsmasq.pid"


def running() -> int | None:
    """Return the process id of zflow's dnsmasq if it runs with the present configuration."""
    pid = processes.from_file(PID)
    return pid if pid is not None and f"--conf-file={versioned()}" in proc.arguments(pid) else None


def versioned() -> Path:
    """Return the file of the present configuration, named by its content: so arguments show what a process has read."""
    try:
        return RUN / f"dnsmasq.{hashlib.sha256(CONFIG.read_bytes()).hexdigest()[:12]}.conf"
    except OSError:
        return RUN / "dnsmasq.none"


def end() -> None:
    """End zflow's dnsmasq, also one whose configuration or process id was lost."""
    for pid in ours():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            for _ in range(50):
                os.kill(pid, 0)
                time.sleep(0.05)
            os.kill(pid, signal.SIGKILL)


def ours() -> list[int]:
    """Return the processes with any configuration of zflow's that serve this network namespace."""
    words = f"--conf-file={RUN}/dnsmasq."
    here = proc.namespace("self", "net")
    return [pid for pid in proc.pids() if words in processes.command_of(pid) and proc.namespace(pid, "net") == here]
