"""Events on their way to the disk: an outcome waits for the next commit, and no line is printed before that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from zflow.journal.event import Event
from zflow.journal.writer import Journal, Position
from zflow.output import Announce


@dataclass
class Chain:
    """Events that wait for the next commit, and the lines to print with them.

    `flush` makes them durable, with the position of that moment, and then announces the lines together, with the time
    of the commit.
    """

    journal: Journal
    announce: Announce
    position: Callable[[], Position | None] = lambda: None
    waiting: list[Event] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)

    def add(self, event: Event, *said: str) -> None:
        """Let an event wait for the next commit, and lines with it."""
        self.waiting.append(event)
        self.unsaid += said

    def flush(self, *events: Event, position: Position | None = None, said: Sequence[str] = ()) -> None:
        """Commit what waits and `events` in one transaction, then announce the lines."""
        together = [*self.waiting, *events]
        where = position or self.position()
        if together or position is not None:
            self.journal.record(together, where)
        lines = [*self.unsaid, *said]
        self.waiting.clear()
        self.unsaid.clear()
        if lines:
            self.announce(*lines)
