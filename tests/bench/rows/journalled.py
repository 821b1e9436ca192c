"""What a volume's journal tells of how long everything took."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zflow.journal import reader
from zflow.journal.reader import Row
from zflow.step import Step


def events(volume: Path) -> list[Row]:
    """Return all events on a volume, oldest first."""
    with reader.reading(volume) as journal:
        return reader.events(journal)


def moment(rows: Sequence[Row], step: str, kind: str, after: float = 0.0) -> float:
    """Return when something was first recorded of a step after some time, in seconds since the epoch."""
    return float(next(row["at"] for row in rows if row["step"] == step and row["kind"] == kind and row["at"] > after))


def durations(rows: Sequence[Row]) -> dict[str, float]:
    """Return the seconds each step took in all its attempts."""
    found: dict[str, float] = {}
    for row in rows:
        if row["step"] is not None and row["duration"] is not None:
            found[row["step"]] = found.get(row["step"], 0.0) + row["duration"]
    return found


def longest_path(steps: Sequence[Step], took: dict[str, float]) -> float:
    """Return the seconds of the longest way through steps that follow each other, but for those begun ahead.

    A step begun ahead waits for nothing; what comes after it in the list waits for it too.
    """
    elapsed = 0.0
    for step in steps:
        seconds = took.get(step.name, 0.0)
        elapsed = max(elapsed, seconds) if step.ahead else elapsed + seconds
    return elapsed
