"""cron inside the Ubuntu: it drives the daily updates (and later Zimbra's own jobs) where no systemd runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from states.install.machine import processes
from states.updates import codes
from zflow.api import Context, Evidence, Scope, Step, TransientError

CRON = "/usr/sbin/cron"
PID_FILE = Path("run/crond.pid")
LAST_SUCCESS = Path("var/lib/apt/periodic/upgrade-stamp")
"""Touched by apt.systemd.daily after an unattended-upgrade that ended well, and by nothing else (apt 1.6 to 2.7)."""
PATIENCE = 5.0
"""Seconds that cron gets to write its process id."""


def last_success(ctx: Context) -> datetime | None:
    """Return when updates were last installed, or found to be complete, without an error; None before the first."""
    try:
        return datetime.fromtimestamp((ctx.volume / LAST_SUCCESS).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def running(ctx: Context) -> int | None:
    """Return the process id of cron inside the volume's Ubuntu, if it runs.

    The number in the file alone proves nothing: the process must be called cron and live in this very tree.
    """
    pid = processes.from_file(ctx.volume / PID_FILE)
    return pid if pid is not None and processes.inside(ctx, pid) and processes.name_of(pid) == "cron" else None


def daemons(ctx: Context) -> list[int]:
    """Return the processes of cron, whatever its file says; those that look after a job call themselves CRON."""
    return processes.found(ctx, lambda pid: processes.command_of(pid).startswith(CRON))


def probe(ctx: Context) -> Evidence | None:
    """See whether cron runs; tells the last successful update along with it."""
    pid = running(ctx)
    if pid is None:
        return None
    last = last_success(ctx)
    return Evidence(
        f"cron is process {pid}; last successful update {last:%Y-%m-%d %H:%M} UTC"
        if last
        else f"cron is process {pid}; no update has run yet"
    )


def apply(ctx: Context) -> None:
    """Start cron anew and wait until it is there. Raises TransientError(CRON)."""
    processes.end(ctx, daemons(ctx), PATIENCE)  # one whose file was lost would do each job a second time
    ctx.shell.chroot(CRON, daemon=True, timeout=30)
    if not processes.came(ctx, lambda: running(ctx), PATIENCE):
        raise TransientError(codes.CRON, f"no process of {ctx.volume}{CRON} after {PATIENCE:.0f} s")


STEP = Step(
    name="updates.driver",
    title="Start cron for the daily updates",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    inputs=lambda ctx: str(last_success(ctx)),
    timeout=60,
)
