"""Where the time of the first start went: attempts, pauses and the critical path, from the journal's events alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

OUTCOMES = frozenset({"done", "failed", "gave-up", "interrupted", "blocked"})
CUT_OFF = "cut off"
"""What became of an attempt that a kill left without an outcome."""
UNDER_WAY = "under way"
COLUMNS = "seq, at, kind, step, attempt, duration"
"""What is read of an event."""
KEPT = 100
"""Attempts of a step that are listed one by one: there are more only where something failed for days."""
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
    """What one step took: all its attempts, and the pauses between them."""

    step: str
    took: float
    attempts: int
    failed: int
    waited: float


@dataclass(frozen=True)
class FirstStart:
    """The time up to the first moment at which all was valid, or up to now."""

    began: float
    ended: float
    whole: bool
    """Whether it has come to its end."""
    last: int
    """The number of its last event."""
    attempts: list[Attempt]
    """In order of their begin; of each step the last `KEPT`."""
    totals: list[Total]
    """What each step took in all, the slowest first."""


def first_start(rows: Iterable[Row], now: Callable[[], float]) -> FirstStart | None:
    """Return the first start from a journal's events, oldest first; no more of them are read than it takes.

    One that has not come to its end lasts until `now`. None where nothing has begun.
    """
    end = _End()
    kept: dict[str, deque[Attempt]] = {}
    sums: dict[str, Total] = {}
    for each in _attempts(end.upto(rows), now):
        before = kept.setdefault(each.step, deque(maxlen=KEPT))
        total = sums.get(each.step, Total(each.step, 0, 0, 0, 0))
        sums[each.step] = _added(total, before[-1] if before else None, each)
        before.append(each)
    if end.first is None:
        return None
    return FirstStart(
        end.first,
        end.row["at"] if end.whole else now(),
        end.whole,
        end.row["seq"],
        sorted((each for own in kept.values() for each in own), key=lambda each: each.began),
        sorted(sums.values(), key=lambda each: -each.took),
    )


class _End:
    """Passes rows on up to the first that says that all was valid, and remembers the first and the last of them."""

    def __init__(self) -> None:
        self.first: float | None = None
        self.row: Row = {}
        self.whole = False

    def upto(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self.first = row["at"] if self.first is None else self.first
            self.row = row
            yield row
            if row["kind"] == "checked":
                self.whole = True
                return


def _attempts(rows: Iterable[Row], now: Callable[[], float]) -> Iterator[Attempt]:
    """Yield every attempt when it ends, at last those under way: where all was valid there are none.

    The outcome of a step shares its commit with what follows: its duration gives its end, its time does not.
    """
    open_: dict[str, Row] = {}
    last_of_run = 0.0
    for row in rows:
        if row["kind"] == "begun":
            yield from [_ended(started, last_of_run, CUT_OFF) for started in open_.values()]
            open_.clear()
        elif row["kind"] == "started":
            open_[row["step"]] = row
        elif row["kind"] in OUTCOMES and row["step"] in open_:
            started = open_.pop(row["step"])
            end = row["at"] if row["duration"] is None else started["at"] + row["duration"]
            yield _ended(started, end, row["kind"])
        last_of_run = row["at"]
    yield from [_ended(started, now(), UNDER_WAY) for started in open_.values()]


def _ended(started: Row, end: float, outcome: str) -> Attempt:
    return Attempt(started["step"], started["attempt"], started["at"], max(end, started["at"]), outcome)


def _added(total: Total, before: Attempt | None, attempt: Attempt) -> Total:
    """Return what a step took with one more attempt, which came after the one `before` it."""
    waited = 0.0 if before is None else max(0.0, attempt.began - before.ended)
    failed = attempt.outcome not in {"done", UNDER_WAY}
    return Total(
        total.step, total.took + attempt.took, total.attempts + 1, total.failed + failed, total.waited + waited
    )


def critical_path(found: Sequence[Attempt], end: float) -> list[Attempt]:
    """Return the attempts that the end waited for, first to last: a quicker one would have brought the end forward.

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
