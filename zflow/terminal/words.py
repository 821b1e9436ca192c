"""Times, sizes, shares and counts for people; shared by the status, the container's output and the commands."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

SIZES = ("bytes", "kB", "MB", "GB", "TB")
"""Decimal, as for disks and downloads."""


def duration(seconds: float) -> str:
    """Return a measured time in its two largest units: `45 s`, `12 min 4 s`, `2 h 3 min`, `3 d 4 h`."""
    whole = max(0, round(seconds))
    parts = ((whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s"))
    first = next((index for index, (number, _) in enumerate(parts) if number), 3)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number) or "0 s"


def roughly(seconds: float) -> str:
    """Return an estimated time, rounded to what an estimate can say."""
    if seconds < 45:
        return "less than a minute"
    if seconds < 90:
        return "about a minute"
    if seconds < 3600:
        return f"about {round(seconds / 60)} min"
    hours, minutes = divmod(round(seconds / 300) * 5, 60)
    return f"about {hours} h {minutes} min" if minutes else f"about {hours} h"


def moment(seconds: float, now: float) -> str:
    """Return a time of day in UTC; with the date when it is not the day of `now`."""
    then, today = time.gmtime(seconds), time.gmtime(now)
    same = (then.tm_year, then.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M:%S UTC" if same else "%Y-%m-%d %H:%M UTC", then)


def size(number: float) -> str:
    """Return a number of bytes with three significant figures."""
    power = 0
    while number >= 999.5 and power < len(SIZES) - 1:
        number, power = number / 1000, power + 1
    return f"{number:.1f} {SIZES[power]}" if power and number < 99.95 else f"{number:.0f} {SIZES[power]}"


def share(progress: Mapping[str, Any]) -> float | None:
    """Return how much of a step is done, 0 to 1; None when that is unknown."""
    total = float(progress["total"])
    return min(1.0, max(0.0, float(progress["done"]) / total)) if total > 0 else None


def amount(progress: Mapping[str, Any]) -> str:
    """Return how far a step is: `372 MB of 1.2 GB, 8.4 MB/s` or `7 of 20 packages`; empty without a unit."""
    done, total, unit, rate = (progress[name] for name in ("done", "total", "unit", "rate"))
    if not unit:
        return ""
    if unit == "bytes":
        whole = f"{size(done)} of {size(total)}" if total else size(done)
        return f"{whole}, {size(rate)}/s" if rate else whole
    return f"{done:.0f} of {total:.0f} {unit}" if total else f"{done:.0f} {unit}"


def counted(number: int, noun: str, nouns: str = "") -> str:
    """Return a number with its noun in the right number: `1 certificate`, `2 certificates`, `1 entry`, `3 entries`."""
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"
