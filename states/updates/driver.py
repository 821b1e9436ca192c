"""cron inside the Ubuntu: it drives the daily updates (and later Zimbra's own jobs) where no systemd runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from states.ubuntu import processes
from states.ubuntu.proxy import USER
from states.ubuntu.replaced import replaced
from states.updates import codes
from states.updates.configured import AUTO, FAILURE, LISTS, OUTPUT, POLICY, STAMPS, TRACE
from zflow.api import Context, Evidence, Scope, Step, TransientError, make_folder, proc, remove_file, text_of

CRON = "/usr/sbin/cron"
PID_FILE = Path("run/crond.pid")
REBOOTED = Path("run/crond.reboot")
"""Made by a cron that has run its jobs for @reboot: a later one of the same boot leaves them out (Debian's cron.c)."""
UPDATED, UPGRADED = STAMPS / "update-stamp", STAMPS / "upgrade-stamp"
"""Touched by apt.systemd.daily after an update of the lists and an upgrade that ended with 0 (apt 1.6 to 2.7)."""
WATCHED = (LISTS, FAILURE, UPDATED, UPGRADED)
"""What changes when a run of the updates has ended."""
SOURCES = Path("etc/apt/sources.list")
SLACK = 600.0
"""Seconds that apt may take from the arrival of the lists to its own stamp of an update, which follows at once."""
LONG = timedelta(days=8)
"""Without a success for so long somebody should know, whatever the reason: a week, a usual period, and a day."""
IDLE = timedelta(hours=12)
"""Three times the period of the updates' job: cron has left it out, not only waited for it."""
NOT_TOLD = frozenset({"", "bash", "sh", "rsyslogd"})
"""Names of processes that are gone already, an operator's shell, or restarted by a step of their own."""
PATIENCE = 5.0
"""Seconds that cron gets to write its process id, and to end."""


def last_success(ctx: Context) -> datetime | None:
    """Return when fresh lists were last fetched and all updates installed, without an error; None before the first."""
    times = [_time(ctx.volume / each) for each in (LISTS, UPDATED, UPGRADED)]
    return datetime.fromtimestamp(min(times), UTC) if all(times) else None


def _time(path: Path) -> float:
    """Return when a file was last written, in seconds since 1970; 0 when there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def troubles(ctx: Context) -> Iterator[str]:
    """Say what keeps updates away, one sentence each with the way out."""
    mirrors = f"correct the mirror in /data/{SOURCES} if it is gone"
    failed = "; ".join(text_of(ctx.volume / FAILURE).splitlines())
    ended, begun = _time(ctx.volume / UPDATED), _time(ctx.volume / POLICY)
    if failed:
        yield f"the last updates failed: {_without_password(failed)}; /data/{OUTPUT} has it all; {mirrors}"
    elif ended > _time(ctx.volume / LISTS) + SLACK and ended > begun:
        when = datetime.fromtimestamp(ended, UTC)
        yield f"no package list could be fetched by {when:%Y-%m-%d %H:%M} UTC from {', '.join(sources(ctx))}; {mirrors}"
    last = last_success(ctx)
    if last is None and begun and not failed:
        last = datetime.fromtimestamp(begun, UTC)
    if last is not None and not _is_off(ctx) and datetime.fromtimestamp(ctx.clock(), UTC) - last > LONG:
        yield f"there was no successful update since {last:%Y-%m-%d}; `zflow shell /usr/lib/zflow/updates` tries now"


def _is_off(ctx: Context) -> bool:
    """Tell whether nobody wants the upgrades, by the setting or by what an operator made of the file."""
    text = text_of(ctx.volume / AUTO)
    return re.search(r'^APT::Periodic::Unattended-Upgrade\s+"0"', text, re.MULTILINE) is not None


def sources(ctx: Context) -> list[str]:
    """Return the servers that Ubuntu's own list of package sources names, each once."""
    text = text_of(ctx.volume / SOURCES)
    return list(dict.fromkeys(map(_without_password, re.findall(r"^deb (?:\[[^]]*\] )?(\S+)", text, re.MULTILINE))))


def _without_password(words: str) -> str:
    return re.sub(USER, "//", words)


def outdated(ctx: Context, cron: int) -> Iterator[str]:
    """Say which services run replaced files and are restarted by nobody but the operator; cron's jobs end soon."""
    found = replaced(ctx, (pid for pid in processes.all_inside(ctx) if cron not in processes.ancestors(pid)))
    if names := sorted({proc.name(pid) for pid in found} - NOT_TOLD):
        yield (
            f"still running files that an update has replaced: {', '.join(names)}; restart the container at a quiet "
            "hour"
        )


def running(ctx: Context) -> int | None:
    """Return the process id of cron inside the volume's Ubuntu, if it runs.

    The number in the file alone proves nothing: the process must be called cron and live in this very tree.
    """
    pid = processes.from_file(ctx.volume / PID_FILE)
    return pid if pid is not None and processes.inside(ctx, pid) and proc.name(pid) == "cron" else None


def idle(ctx: Context) -> Iterator[str]:
    """Say that cron runs and does no job, by the traces that its jobs leave."""
    begun = _time(ctx.volume / TRACE)
    last = datetime.fromtimestamp(max(begun, _time(ctx.volume / OUTPUT)), UTC)
    if not begun or datetime.fromtimestamp(ctx.clock(), UTC) - last > IDLE:
        since = f" since {last:%Y-%m-%d %H:%M} UTC" if begun else ""
        yield f"cron runs, and has done no job{since}: /data/var/log/auth.log and /data/var/log/syslog tell why"


def daemons(ctx: Context) -> list[int]:
    """Return the processes of cron, whatever its file says; those that look after a job call themselves CRON."""
    return processes.found(ctx, lambda pid: processes.command_of(pid).startswith(CRON))


def probe(ctx: Context) -> Evidence | None:
    """See whether cron runs, and runs its present files; tells how the updates fare along with it."""
    pid = running(ctx)
    if pid is None or replaced(ctx, [pid]):
        return None
    last = last_success(ctx)
    told = f"last successful update {last:%Y-%m-%d %H:%M} UTC" if last else "no update has succeeded yet"
    return Evidence(f"cron is process {pid}; {told}", (*idle(ctx), *troubles(ctx), *outdated(ctx, pid)))


def apply(ctx: Context) -> None:
    """Start cron anew and wait until it is there; its jobs outlive one that is ended. Raises TransientError(CRON).

    The first one of a boot gets time for its first job.
    """
    processes.end(ctx, daemons(ctx), PATIENCE)  # one whose file was lost would do each job a second time
    make_folder((ctx.volume / TRACE).parent)
    if not (ctx.volume / TRACE).exists():
        remove_file(ctx.volume / REBOOTED)
    ctx.shell.chroot(CRON, daemon=True, timeout=30)
    if not processes.came(ctx, lambda: running(ctx), PATIENCE):
        raise TransientError(codes.CRON, f"no process of {ctx.volume}{CRON} after {PATIENCE:.0f} s")
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
