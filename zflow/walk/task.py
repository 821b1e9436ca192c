"""What the protocol needs to take one step, and the events that it makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from zflow.context import Context
from zflow.errors import Code, ZflowError
from zflow.journal.event import Event
from zflow.journal.record import Record
from zflow.step import Evidence, Step
from zflow.walk.chain import Chain
from zflow.walk.faults import family

Outcome = Literal["unchanged", "found", "applied"]
"""What a walk did about a step; `found`: it holds, and the journal did not say so."""


class Task(NamedTuple):
    """One step, and what the walker lends it."""

    step: Step
    state: str
    chain: Chain
    context: Callable[[Step, int | None], Context]
    """Makes the step's context; without an attempt's number nothing is logged, as for a probe."""
    failed_look: Callable[[Step], Callable[[str], None]]
    """Returns what writes the log of a look that failed."""
    enter: Callable[[], None]
    """Called before anything is recorded: the machine moves to the step's state."""
    wait: Callable[[Context, float], None]
    """Waits out a back-off; returns early when the operator resumes, raises Interrupted when the container stops."""
    known: Callable[[str], Code | None] = lambda _id: None
    """Returns the error code of an identifier, as the journal has it."""
    hasty: bool = False
    """Do not wait for the time of the next try: the operator asked, or something has changed."""
    deep: bool = False
    """Ask the step's audit, where it has one, before it is skipped: not at every start, for it takes longer."""

    @property
    def record(self) -> Record:
        """What the journal knows of the step now."""
        return self.chain.journal.step(self.step.name)

    def event(self, kind: str, **values: object) -> Event:
        """Return an event of the step."""
        return Event(kind=kind, state=self.state, step=self.step.name, **values)  # type: ignore[arg-type]

    def fault(self, kind: str, error: ZflowError, **values: object) -> Event:
        """Return the event of an error."""
        return self.event(kind, code=error.code.id, error_class=family(error), detail=error.detail, **values)

    def found(self, kind: str, key: str, evidence: Evidence) -> Event:
        """Return the event of a look that saw the postcondition; what the last effect took stays known."""
        record = self.record
        took = None if record.cut_off else record.duration
        return self.event(kind, key=key, evidence=evidence.line, attempt=record.attempts or None, duration=took)
