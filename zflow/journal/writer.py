"""The only writer of the journal: restores where the walk is, and appends events with one sync a commit.

SQLAlchemy makes the statements. Those of a step's commit go to the driver: to take each through SQLAlchemy costs more
than to execute it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DatabaseError

from zflow import __version__, codes
from zflow.errors import OperatorError
from zflow.host.clock import Clock
from zflow.journal import pruning, tables
from zflow.journal.connect import connect, driver
from zflow.journal.event import IN_ORDER, LOOKED, Event, link
from zflow.journal.reader import records
from zflow.journal.record import Record, after
from zflow.journal.seal import Rows, contents, frame, seal
from zflow.journal.sqlite_errors import translated


class Position(NamedTuple):
    """The workflow row: the machine's state, the product's state it stands in, and what stopped it, if anything."""

    state: str
    place: str
    step: str | None = None
    code: str | None = None
    detail: str | None = None
    remedy: str | None = None
    next_try: float | None = None


@dataclass(frozen=True)
class Listed:
    """A step as the journal lists it for `status`."""

    name: str
    state: str
    title: str
    scope: str
    weight: float


class Journal:
    """An open journal. Safe to use from several threads; every `record` is one durable transaction."""

    def __init__(
        self, connection: Connection, ballast: Path, *, clock: Clock, boot: str, run: str, clean: Callable[[str], str]
    ) -> None:
        self._connection = connection
        self._raw = driver(connection)
        self._ballast = ballast
        self._clock = clock
        self._boot = boot
        self._run = run
        self._clean = clean
        self._lock = threading.Lock()
        self._broken: OperatorError | None = None
        self._frame = ""
        self._newest: Rows = []
        self._workflow: Rows = []
        self._records: dict[str, Record] = {}
        self._inherited: set[str] = set()
        """The steps of which this process has recorded nothing yet."""
        self.position: Position | None = None
        self.suspect = False
        """The last container was not stopped in order, and no walk of this one has checked all steps since."""

    def restore(self, steps: Sequence[Listed]) -> None:
        """Read where the walk is, after storing the list of today's steps."""
        with self._safely(), self._connection.begin():
            connection = self._connection
            table = [vars(each) | {"position": position} for position, each in enumerate(steps)]
            known = [dict(row) for row in connection.execute(select(tables.step)).mappings()]
            if sorted(known, key=lambda row: str(row["name"])) != sorted(table, key=lambda row: str(row["name"])):
                connection.execute(tables.step.delete())
                if table:
                    connection.execute(insert(tables.step), table)
            row = connection.execute(select(tables.workflow)).mappings().first()
            if row is not None:
                self.position = Position(**{name: row[name] for name in Position._fields})
            self._records = records(self._raw)
            self._inherited = set(self._records)
            self.suspect = self._cut_off(connection)
            self._frame = frame(self._raw)
            self._newest, self._workflow = contents(self._raw)
            self._seal(self._newest, self._workflow)

    def _cut_off(self, connection: Connection) -> bool:
        event = tables.event.c
        looked = (event.kind == "checked") | ((event.kind == "ended") & (event.detail == LOOKED))
        told = select(event.boot, event.kind, event.detail).where((event.boot != self._boot) | looked)
        newest = connection.execute(told.order_by(event.seq.desc()).limit(1)).first()
        return newest is not None and newest.boot != self._boot and tuple(newest)[1:] != ("ended", IN_ORDER)

    def step(self, name: str) -> Record:
        """Return what is known of a step."""
        return self._records.get(name, Record())

    def failed_before(self, name: str) -> bool:
        """Tell whether the history of a step ends with a failure of an earlier process, and with a next try."""
        record = self.step(name)
        failed = record.last_kind in {"failed", "gave-up"} and record.next_try is not None
        return failed and name in self._inherited

    def record(self, events: Sequence[Event], position: Position | None = None) -> None:
        """Append events and move the workflow row in one transaction; returns when it is on the disk.

        Raises OperatorError(DISK_FULL) when not even the ballast makes room for it.
        """
        with self._lock:
            kept = [self._kept(each) for each in events]
            where = position and position._replace(detail=self._text(position.detail))
            try:
                at = self._write(kept, where)
            except OperatorError as error:
                if error.code is not codes.DISK_FULL or not self._ballast.exists():
                    raise
                self._ballast.unlink()
                at = self._write(kept, where)
            for each in kept:
                if each.step is not None:
                    self._records[each.step] = after(self.step(each.step), each, at, self._boot)
                    self._inherited.discard(each.step)
                if each.kind == "checked" or (each.kind == "ended" and each.detail == LOOKED):
                    self.suspect = False
            if position is not None:
                self.position = position

    def _write(self, events: Sequence[Event], position: Position | None) -> float:
        now = self._clock()
        rows, newest, workflow = [], self._newest, self._workflow
        for each in events:
            number, head = newest[0] if newest else (0, "")
            values = (now, self._boot, self._run, *each.values)
            newest = [(number + 1, link(head, values))]
            rows.append((*values, newest[0][1]))
        if position is not None:
            state, place, step, *stopped = position
            workflow = [(state, place, step, self._boot, self._run, now, *stopped, __version__)]
        with self._safely():
            self._raw.execute("BEGIN IMMEDIATE")
            with self._raw:
                self._raw.executemany(tables.ADD_EVENT, rows)
                if position is not None:
                    self._raw.execute(tables.MOVE, (1, *workflow[0]))
                self._seal(newest, workflow)
        self._newest, self._workflow = newest, workflow
        return now

    def prune(self, turns: Sequence[str] = ()) -> int:
        """Remove old events by the rule of `zflow.journal.pruning`; return how many. A kill in between does no harm.

        `turns` are the names of the steps that make a walk a turning point. Raises what `record` does.
        """
        removed = 0
        while (count := self._prune(turns)) and (removed := removed + count) < pruning.MOST:
            pass
        if not count:
            self._shrink()
        return removed

    def _prune(self, turns: Sequence[str]) -> int:
        with self._lock, self._safely():
            if pruning.length(self._raw) <= pruning.ENOUGH:
                return 0
            self._raw.execute("BEGIN IMMEDIATE")
            with self._raw:
                count = pruning.prune(self._raw, turns, pruning.BATCH)
                framed = frame(self._raw)
                self._raw.execute(tables.SEAL, (seal(framed, self._newest, self._workflow),))
            self._frame = framed
            return count

    def attempts_apart(self, turns: Sequence[str], each: int) -> set[tuple[str, str, int]]:
        """Return state, step and number of the attempts in what the rule keeps apart, the last so many of each step."""
        with self._lock, self._safely():
            return pruning.attempts_apart(self._raw, turns, each)

    def _shrink(self) -> None:
        """Rewrite the file where it is mostly empty, in one transaction of SQLite; on a failure it stays as it is."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            pages, free, size = (
                self._raw.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
            if pages * size > pruning.ROOMY and 2 * free > pages:
                self._raw.execute("VACUUM")

    def _seal(self, newest: Rows, workflow: Rows) -> None:
        """Renew the seal within the present transaction."""
        self._raw.execute(tables.SEAL, (seal(self._frame, newest, workflow),))

    def _kept(self, event: Event) -> Event:
        """Return an event as it may be recorded.

        What is not free text is left alone: a password may well be `done`, and the history still says so.
        """
        if event.evidence is None and event.detail is None:
            return event
        return event._replace(evidence=self._text(event.evidence), detail=self._text(event.detail))

    def _text(self, value: str | None) -> str | None:
        return None if value is None else self.cleaned(value)

    def cleaned(self, text: str) -> str:
        """Return a text without secrets, and without the surrogates that stand for bytes that are not UTF-8."""
        cleaned = self._clean(text)
        return cleaned if cleaned.isascii() else cleaned.encode(errors="backslashreplace").decode()

    @contextlib.contextmanager
    def _safely(self) -> Iterator[None]:
        """Translate errors of SQLite. After one other than a full volume this connection is not used again."""
        if self._broken is not None:
            raise self._broken
        try:
            yield
        except (DatabaseError, sqlite3.DatabaseError) as error:
            meant = translated(error.orig if isinstance(error, DatabaseError) else error)
            if meant.code is not codes.DISK_FULL:
                self._broken = meant
            raise meant from error

    def close(self) -> None:
        """Close the journal; the last connection folds the write-ahead log into the file."""
        engine = self._connection.engine
        self._connection.close()
        engine.dispose()


def _as_is(text: str) -> str:
    return text


def open_journal(volume: Path, *, clock: Clock, boot: str, run: str, clean: Callable[[str], str] = _as_is) -> Journal:
    """Open the volume's journal for writing, made or brought to today's schema first.

    The caller holds the walker's lock. `clean` takes the secrets out of what is free text in what is recorded: evidence
    and details. Raises OperatorError: JOURNAL_NEWER, JOURNAL_DAMAGED, JOURNAL_AWAY, VOLUME_READ_ONLY,
    DISK_FULL, NO_INODES, NOT_A_FOLDER, NOT_A_FILE or OPEN_TO_OTHERS.
    """
    connection, ballast = connect(volume, clock)
    return Journal(connection, ballast, clock=clock, boot=boot, run=run, clean=clean)
