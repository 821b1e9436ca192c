"""Where the time of the first start went: attempts, pauses and the critical path, from the journal's events alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Row = dict[str, Any]

OUTCOMES = frozenset({"done", "failed", "gave-up", "interrupted", "blocked"})
CUT_OFF = "cut off"
"""What became of an attempt that a kill left without an outcome."""
UNDER_WAY = "under way"
SLACK = 2.0
"""Seconds within which two ends are taken for one; then the shorter work was the one awaited."""


@dataclass(frozen=True)
class Attempt:
    """One try of a step; times in seconds since the epoch."""

    step: str
    number: int
    began: float
    ended: float
    outcome: str

    @property
    def took(self) -> float:
        """Seconds from begin to end."""
        return self.ended - self.began


@dataclass(frozen=True)
class Total:
    """What one step cost: all its attempts, and the pauses between them."""

    step: str
    took: float
    attempts: int
    failed: int
    waited: float


def first_start(rows: Sequence[Row]) -> list[Row]:
    """Return the events up to the first moment at which all was valid, or all of them."""
    end = next((place for place, row in enumerate(rows) if row["kind"] == "checked"), len(rows) - 1)
    return list(rows[: end + 1])


def attempts(rows: Sequence[Row], until: float) -> list[Attempt]:
    """Return every attempt in order of its begin; one that is open at the end is under way `until` that time.

    The outcome of a step shares its commit with what follows, so its end is told by its duration, not by its time.
    """
    found: list[Attempt] = []
    open_: dict[str, Row] = {}
    last_of_run = rows[0]["at"] if rows else 0.0
    for row in rows:
        if row["kind"] == "begun":
            found += [_ended(started, last_of_run, CUT_OFF) for started in open_.values()]
            open_.clear()
        elif row["kind"] == "started":
            open_[row["step"]] = row
        elif row["kind"] in OUTCOMES and row["step"] in open_:
            started = open_.pop(row["step"])
            end = row["at"] if row["duration"] is None else started["at"] + row["duration"]
            found.append(_ended(started, end, row["kind"]))
        last_of_run = row["at"]
    found += [_ended(started, until, UNDER_WAY) for started in open_.values()]
    return sorted(found, key=lambda each: each.began)


def _ended(started: Row, end: float, outcome: str) -> Attempt:
    return Attempt(started["step"], started["attempt"], started["at"], max(end, started["at"]), outcome)


def totals(found: Sequence[Attempt]) -> list[Total]:
    """Return what each step cost, the dearest first."""
    return sorted((_total(name, found) for name in {each.step for each in found}), key=lambda each: -each.took)


def _total(name: str, found: Sequence[Attempt]) -> Total:
    own = [each for each in found if each.step == name]
    waited = sum(max(0.0, after.began - before.ended) for before, after in pairwise(own))
    failed = sum(each.outcome not in {"done", UNDER_WAY} for each in own)
    return Total(name, sum(each.took for each in own), len(own), failed, waited)


def critical_path(found: Sequence[Attempt], end: float) -> list[Attempt]:
    """Return the attempts that the end waited for, first to last: had one been quicker, all had been done sooner.

    From the end backwards, each time to the attempt that ended last before; work in the background is on the path only
    where it was waited for.
    """
    return list(_backwards(found, end))[::-1]


def _backwards(found: Sequence[Attempt], moment: float) -> Iterator[Attempt]:
    while before := [each for each in found if each.ended <= moment + SLACK and each.began < moment]:
        latest = max(each.ended for each in before)
        step = max((each for each in before if each.ended >= latest - SLACK), key=lambda each: each.began)
        yield step
        moment = step.began
