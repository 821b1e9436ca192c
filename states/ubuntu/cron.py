"""cron inside the Ubuntu: how its process is recognised."""

from __future__ import annotations

from pathlib import Path

from states.ubuntu import processes
from zflow.api import Context, proc

CRON = "/usr/sbin/cron"
PID_FILE = Path("run/crond.pid")
REBOOTED = Path("run/crond.reboot")
"""Made by a cron that has run its jobs for @reboot: a later one of the same boot leaves them out (Debian's cron.c)."""


def running(ctx: Context) -> int | None:
    """Return the process id of cron inside the volume's Ubuntu; None when it does not run.

    The number in the file alone proves nothing: the process must be called cron and live in this tree.
    """
    pid = processes.from_file(ctx.volume / PID_FILE)
    return pid if pid is not None and processes.inside(ctx, pid) and proc.name(pid) == "cron" else None


def daemons(ctx: Context) -> list[int]:
    """Return all processes of cron, also those that its file does not name; one that waits for a job is called CRON."""
    return processes.found(ctx, lambda pid: processes.command_of(pid).startswith(CRON))
