"""Events on their way to the disk: an outcome waits for the next commit, and nothing is said before it is durable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from zflow.journal.event import Event
from zflow.journal.writer import Journal, Position
from zflow.output import Announce


@dataclass
class Chain:
    """Events that wait for the next commit, and what is to be said of them.

    `flush` makes them durable, with the position as it then is, and only then announces the lines, all in one go; the
    time they bear is that of the commit.
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
        """Commit what waits and `events` in one transaction, then say what is to be said."""
        together = [*self.waiting, *events]
        where = position or self.position()
        if together or position is not None:
            self.journal.record(together, where)
        lines = [*self.unsaid, *said]
        self.waiting.clear()
        self.unsaid.clear()
        if lines:
            self.announce(*lines)
