"""What the events of one step mean: the only module that knows. Standard library only: the light reader needs it too.

The view `step_status` finds the same in SQL, so that a status costs a look at two events of each step, however long its
history is. The view names its columns as `Record` its fields, and a test compares the two over random histories.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from zflow.journal.event import UNFINISHED, VALID, Event

SETTLING = VALID | {"lost", "reset"}
"""These say whether a step's postcondition holds; all others leave that as it was."""
MANY = 10
"""Deaths of the walker beyond this number are not counted."""


class Record(NamedTuple):
    """What is known of a step by its events."""

    last_kind: str | None = None
    """Of its newest event; None where there is none."""
    last_at: float | None = None
    last_boot: str | None = None
    attempt: int | None = None
    """The attempt that the newest event names, if it names one."""
    code: str | None = None
    detail: str | None = None
    next_try: float | None = None
    settled_kind: str | None = None
    """Of the newest event that says whether the postcondition holds."""
    settled_key: str | None = None
    settled_at: float | None = None
    settled_boot: str | None = None
    evidence: str | None = None
    """What was seen when the postcondition was last found to hold, as `Evidence.line` has it."""
    duration: float | None = None
    """Seconds that the last effect took."""
    failures: int = 0
    """Failures in a row."""

    # The view lacks the rest, which only decides what a walk does next.
    attempts: int = 0
    """The number of the last attempt."""
    unfinished: bool = False
    """An attempt may have left something half done."""
    spent: int = 0
    """How much of the retry policy's budget is used up: an attempt made before its time does not count."""
    due: float | None = None
    """When the step was to be tried again after the last failure."""
    starts: int = 0
    """How many of the newest events, all of one boot, begin an attempt that has no outcome."""

    @property
    def valid(self) -> bool:
        """Whether the postcondition held when it was last looked at."""
        return self.settled_kind in VALID

    @property
    def key(self) -> str | None:
        """What the valid result was made for."""
        return self.settled_key if self.valid else None

    @property
    def cut_off(self) -> bool:
        """Whether the last attempt has no outcome: it is under way, or its process died."""
        return self.last_kind == "started"

    @property
    def asked(self) -> bool:
        """Whether the operator has reset the step and no look has found it valid or lost since."""
        return self.settled_kind == "reset"

    def proven(self, scope: str, boot: str | None) -> bool:
        """Tell whether the result is valid and, where its scope is the boot, of this one."""
        return self.valid and (scope != "boot" or self.settled_boot == boot)

    def deaths(self, boot: str) -> int:
        """Return how many attempts in a row have ended with the walker's death in this boot."""
        return self.starts if self.last_boot == boot else 0


VIEWED = (
    "last_kind", "last_at", "last_boot", "attempt", "code", "detail", "next_try", "settled_kind", "settled_key",
    "settled_at", "settled_boot", "evidence", "duration", "failures",
)  # fmt: skip
"""The fields that the view has as well."""


def of_row(row: Mapping[str, Any]) -> Record:
    """Return the record of a row of the view, without what the view does not know."""
    return Record(**{name: row[name] for name in VIEWED})


def after(record: Record, event: Event, at: float, boot: str) -> Record:
    """Return what is known of a step once one more event of it has been appended, at a time and in a boot."""
    kind = event.kind
    settled: dict[str, Any] = {}
    if kind in SETTLING:
        settled = {
            "settled_kind": kind, "settled_key": event.key, "settled_at": at, "settled_boot": boot,
            "evidence": event.evidence, "duration": event.duration,
        }  # fmt: skip
    budget: dict[str, Any] = {}
    if kind in SETTLING or kind == "gave-up":
        budget = {"failures": 0, "spent": 0, "due": None}
    elif kind == "failed":
        spent = record.spent + (event.next_try != record.due)
        budget = {"failures": record.failures + 1, "spent": spent, "due": event.next_try}
    return record._replace(
        **settled,
        **budget,
        last_kind=kind,
        last_at=at,
        last_boot=boot,
        attempt=event.attempt,
        code=event.code,
        detail=event.detail,
        next_try=event.next_try,
        attempts=record.attempts if event.attempt is None else event.attempt,
        unfinished=kind in UNFINISHED or (kind == "reset" and record.unfinished),
        starts=min(record.deaths(boot) + 1, MANY) if kind == "started" else 0,
    )


def fold(events: Iterable[tuple[Event, float, str]], attempts: int = 0) -> Record:
    """Return what all events of a step say, oldest first, each with its time and boot.

    Those from the last one on that says valid or lost are enough, with the number of the last attempt before it.
    """
    record = Record(attempts=attempts)
    for event, at, boot in events:
        record = after(record, event, at, boot)
    return record
