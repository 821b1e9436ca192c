"""The time left: what each step usually takes, corrected by how fast this machine has been so far.

A step that has run before on this volume is expected to take as long again; any other its declared weight, times the
pace of this machine so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from zflow.terminal.words import share

Row = dict[str, Any]

PRIOR = 60.0
"""Seconds of work at the declared pace that are assumed before any is measured: a few quick steps prove little."""
LATE = 0.05
"""The least share of its usual time that an overdue step is said to need."""
AGAIN = 0.5
"""Share of its delay that an overdue step is said to need: a search that depends on chance may take long."""


def pace(rows: Iterable[Row]) -> float:
    """Return how much slower (above 1) than declared this machine is, by the journal's rows of the steps that ran."""
    measured = [(row["duration"], row["weight"]) for row in rows if row["duration"] is not None]
    took, declared = (sum(column) for column in zip(*measured, strict=True)) if measured else (0.0, 0.0)
    return float((PRIOR + took) / (PRIOR + declared))


def left(step: Row, now: float, next_try: float | None) -> float:
    """Return the seconds that a step of the status will still take."""
    expected: float = step["expected"]
    match step["status"]:
        case "valid":
            return 0.0
        case "waiting":
            return expected + max(0.0, (next_try or now) - now)
        case "running":
            return _left_of_running(step, expected)
        case _:
            return expected


def _left_of_running(step: Row, expected: float) -> float:
    elapsed: float = step["elapsed"]
    progress = step["progress"]
    done = share(progress) if progress else None
    if progress and done is not None and progress["rate"]:
        return float(progress["total"] - progress["done"]) / float(progress["rate"])
    if elapsed < expected or not done:
        return max(expected - elapsed, LATE * expected, AGAIN * (elapsed - expected))
    return elapsed * (1 - done) / done


def outlook(steps: Sequence[Row], main: str | None) -> Row | None:
    """Return the seconds until all is valid and the share done, from the status' steps; None when nothing is due.

    Steps that run beside the `main` one cost time only when they outlast all others.
    """
    beside = [step for step in steps if step["status"] == "running" and step["name"] != main]
    ahead = [step for step in steps if step not in beside]
    still = max([sum(step["remaining"] for step in ahead), *(step["remaining"] for step in beside)])
    if still <= 0:
        return None
    done = sum(step["took"] or step["expected"] for step in ahead if step["status"] == "valid")
    done += sum(min(step["elapsed"] or 0.0, step["expected"]) for step in ahead)
    return {"remaining": round(still), "share": round(done / (done + still), 3)}
