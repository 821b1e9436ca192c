"""apt's daily jobs: the files by which they are configured, the stamps that they leave, and what these mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from states.ubuntu.proxy import without_password
from zflow.api import Context, text_of

AUTO = Path("etc/apt/apt.conf.d/20auto-upgrades")
POLICY = Path("etc/apt/apt.conf.d/52zflow-unattended-upgrades")
SOURCES = Path("etc/apt/sources.list")
SCRIPT = Path("usr/lib/zflow/updates")
STAMPS = Path("var/lib/apt/periodic")
"""Where apt.systemd.daily keeps the times of its last jobs."""
LISTS = STAMPS / "zflow-lists-stamp"
"""Touched by apt itself when at least one list arrived: an older `apt-get update` ends with 0 also when none did."""
UPDATED, UPGRADED = STAMPS / "update-stamp", STAMPS / "upgrade-stamp"
"""Touched by apt.systemd.daily after an update of the lists and an upgrade that ended with 0 (apt 1.6 to 2.7)."""
FAILURE = STAMPS / "zflow-failure"
"""The errors of the last updates, a line each; absent when there were none."""
OUTPUT = Path("var/log/zflow-updates.log")
"""What the last updates printed."""
TRACE = Path("run/zflow/cron")
"""Left by cron's first job in this start of the container."""
RESULTS = (LISTS, FAILURE, UPDATED, UPGRADED)
"""What changes when the updates have ended."""
SLACK = 600.0
"""Seconds that apt may take from the arrival of the lists to its own stamp of an update, which follows at once."""
LONG = timedelta(days=8)
"""Without a success for so long the operator should know, whatever the reason: a week, a usual period, and a day."""
IDLE = timedelta(hours=12)
"""Three times the period of the updates' job: cron has left it out, it does not only wait for it."""


def last_success(ctx: Context) -> datetime | None:
    """Return when lists were last fetched and all updates installed without an error; None before the first time."""
    times = [_time(ctx.volume / each) for each in (LISTS, UPDATED, UPGRADED)]
    return datetime.fromtimestamp(min(times), UTC) if all(times) else None


def _time(path: Path) -> float:
    """Return when a file was last written, in seconds since 1970; 0 when there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def troubles(ctx: Context) -> Iterator[str]:
    """Yield what prevents updates, a sentence each with the way out."""
    mirrors = f"if the mirror is gone, correct it in /data/{SOURCES}"
    failed = "; ".join(text_of(ctx.volume / FAILURE).splitlines())
    ended, begun = _time(ctx.volume / UPDATED), _time(ctx.volume / POLICY)
    if failed:
        yield f"the last updates failed: {without_password(failed)}; see /data/{OUTPUT}; {mirrors}"
    elif ended > _time(ctx.volume / LISTS) + SLACK and ended > begun:
        when = datetime.fromtimestamp(ended, UTC)
        yield f"no package list could be fetched at {when:%Y-%m-%d %H:%M} UTC from {', '.join(sources(ctx))}; {mirrors}"
    last = last_success(ctx)
    if last is None and begun and not failed:
        last = datetime.fromtimestamp(begun, UTC)
    if last is not None and not _is_off(ctx) and datetime.fromtimestamp(ctx.clock(), UTC) - last > LONG:
        yield f"no update has succeeded since {last:%Y-%m-%d}; run `zflow shell /{SCRIPT}` to try now"


def _is_off(ctx: Context) -> bool:
    """Tell whether upgrades are switched off, by the setting or by the operator's edit of the file."""
    text = text_of(ctx.volume / AUTO)
    return re.search(r'^APT::Periodic::Unattended-Upgrade\s+"0"', text, re.MULTILINE) is not None


def sources(ctx: Context) -> list[str]:
    """Return the servers in Ubuntu's own list of package sources, each once and without a password."""
    found = re.findall(r"^deb (?:\[[^]]*\] )?(\S+)", text_of(ctx.volume / SOURCES), re.MULTILINE)
    return list(dict.fromkeys(map(without_password, found)))


def idle(ctx: Context) -> Iterator[str]:
    """Yield that a running cron starts no job, by the traces that its jobs leave."""
    begun = _time(ctx.volume / TRACE)
    last = datetime.fromtimestamp(max(begun, _time(ctx.volume / OUTPUT)), UTC)
    if not begun or datetime.fromtimestamp(ctx.clock(), UTC) - last > IDLE:
        since = f" since {last:%Y-%m-%d %H:%M} UTC" if begun else ""
        yield f"cron runs, but has started no job{since}; see /data/var/log/auth.log and /data/var/log/syslog"
