"""cron inside the Ubuntu: it starts the daily updates and Zimbra's own jobs where no systemd runs."""

from __future__ import annotations

from collections.abc import Iterator

from states.ubuntu import cron, processes
from states.ubuntu.mappings import replaced
from states.ubuntu.periodic import TRACE, idle, last_success, troubles
from states.updates import codes
from zflow.api import Context, Evidence, Scope, Step, TransientError, make_folder, proc, remove_file

NOT_NAMED = frozenset({"", "bash", "sh", "rsyslogd"})
"""Names of processes that are gone already, an operator's shell, or a program that another step restarts."""
PATIENCE = 5.0
"""Seconds that cron gets to write its process id, and to end."""


def outdated(ctx: Context, daemon: int) -> Iterator[str]:
    """Yield which services run replaced files and are restarted by the operator alone; cron's jobs end soon."""
    found = replaced(ctx, (pid for pid in processes.all_inside(ctx) if daemon not in processes.ancestors(pid)))
    if names := ", ".join(sorted({proc.name(pid) for pid in found} - NOT_NAMED)):
        yield f"an update has replaced files of running programs: {names}; restart the container at a quiet hour"


def probe(ctx: Context) -> Evidence | None:
    """See whether cron runs, and runs its present files; the evidence also says how the updates go."""
    pid = cron.running(ctx)
    if pid is None or replaced(ctx, [pid]):
        return None
    last = last_success(ctx)
    said = f"last successful update {last:%Y-%m-%d %H:%M} UTC" if last else "no update has succeeded yet"
    return Evidence(f"cron is process {pid}; {said}", (*idle(ctx), *troubles(ctx), *outdated(ctx, pid)))


def apply(ctx: Context) -> None:
    """Restart cron and wait until it runs; jobs of the former one go on. Raises TransientError(CRON).

    The first cron of a boot gets time for its first job.
    """
    processes.end(ctx, cron.daemons(ctx), PATIENCE)  # a cron whose file was lost would do each job a second time
    make_folder((ctx.volume / TRACE).parent)
    if not (ctx.volume / TRACE).exists():
        remove_file(ctx.volume / cron.REBOOTED)
    ctx.shell.chroot(cron.CRON, daemon=True, timeout=30)
    if not processes.came(ctx, lambda: cron.running(ctx), PATIENCE):
        raise TransientError(codes.CRON, f"no process of {ctx.volume}{cron.CRON} after {PATIENCE:.0f} s")
    processes.came(ctx, (ctx.volume / TRACE).exists, PATIENCE)


STEP = Step(
    name="updates.driver",
    title="Start cron for the daily updates",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    inputs=lambda ctx: str(last_success(ctx)),
    timeout=60,
)
