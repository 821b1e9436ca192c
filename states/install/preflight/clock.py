"""The check of the clock: years off it breaks TLS and signatures, hours off the dates of the mail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from states.install.preflight.finding import Finding, Look
from zflow.api import stamp

FAR = 3600.0
"""Seconds that the clock may differ from a server's."""
MADE_ELSEWHERE = 86400.0
"""Seconds that a file may be newer than now: the machine that built the image has another clock."""
UNITS = ((365.25 * 86400, "years"), (86400, "days"), (3600, "hours"), (60, "minutes"))


def clock(look: Look) -> Iterator[Finding]:
    """Compare the clock with the servers that are asked anyway, and with files that cannot be of the future."""
    told = [(each.theirs - each.ours, each.host) for each in look.answers if each.theirs is not None]
    # A cache may repeat an older time: the latest one is the nearest to the truth.
    behind, host = max(told, default=(0.0, ""))
    if abs(behind) > FAR:
        side = "behind" if behind > 0 else "ahead of"
        yield Finding(f"the clock is {spoken(abs(behind))} {side} that of {host}: set the host's clock (NTP)")
        return
    newest = max(_modified(path) for path in (Path(__file__), look.ctx.volume / "var/lib/dpkg/status"))
    if (now := time.time()) < newest - MADE_ELSEWHERE:
        yield Finding(
            f"the clock says {stamp(now)[:10]}, {spoken(newest - now)} before the image or the Ubuntu was made: "
            "set the host's clock (NTP)"
        )


def spoken(seconds: float) -> str:
    """Return a time span in its largest unit."""
    size, name = next((each for each in UNITS if seconds >= 2 * each[0]), UNITS[-1])
    return f"{seconds / size:.0f} {name}"


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
