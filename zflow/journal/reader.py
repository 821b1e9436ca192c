"""Reads the journal: standard library only, without a lock, while a writer runs or when none does."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zflow import __version__, codes
from zflow.errors import OperatorError
from zflow.journal.event import Event
from zflow.journal.ground import check_kinds
from zflow.journal.layout import HEAD, REVISIONS, journal_file
from zflow.journal.record import Record, fold
from zflow.journal.seal import UNSEALED, broken_seal, rows
from zflow.journal.sqlite_errors import translated
from zflow.terminal.plain import plain

Row = dict[str, Any]
PAGE = 2_000
"""Events read at once where there may be any number."""


@contextlib.contextmanager
def reading(volume: Path, *, unsealed: bool = False) -> Iterator[sqlite3.Connection]:
    """Open the volume's journal for reading; what goes wrong with damaged rows within the block is reported as damage.

    `unsealed` also opens one with a broken seal, for a check.
    Raises OperatorError: NO_JOURNAL (also for one not yet brought up to date), JOURNAL_NEWER, JOURNAL_DAMAGED,
    JOURNAL_AWAY, VOLUME_READ_ONLY, NO_INODES, NOT_A_FOLDER or NOT_A_FILE.
    """
    path = journal_file(volume)
    check_kinds(volume)
    if not path.exists():
        raise OperatorError(codes.NO_JOURNAL, f"{path} does not exist")
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?{_mode(path)}", uri=True, timeout=5.0, isolation_level=None)
        connection.row_factory = _as_dict
        try:
            _check(connection)
            if not unsealed:
                _check_seal(connection)
            yield connection
        finally:
            connection.close()
    except (sqlite3.DatabaseError, TypeError, ValueError, OverflowError) as error:
        meant = translated(error, volume)
        raise OperatorError(meant.code, f"{path}: {meant.detail}") from error


def _mode(path: Path) -> str:
    """Return how to open the file: one without a writer in a read-only folder as immutable.

    SQLite would otherwise make the shared memory of the write-ahead log beside it.
    """
    resting = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    return "mode=ro&immutable=1" if resting else "mode=ro"


def _check(connection: sqlite3.Connection) -> None:
    tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    revision = tables and connection.execute("SELECT version_num FROM alembic_version").fetchone()
    found = revision["version_num"] if revision else None
    if found == HEAD:
        return
    if found is None or found in REVISIONS:
        raise OperatorError(codes.NO_JOURNAL, f"its schema is {found or 'empty'}; the next start migrates it to {HEAD}")
    raise OperatorError(codes.JOURNAL_NEWER, f"its schema is {found}, zflow {__version__} knows up to {HEAD}")


def _check_seal(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")  # a writer may commit between two reads
    if broken_seal(connection):
        raise OperatorError(codes.JOURNAL_DAMAGED, UNSEALED)
    connection.execute("ROLLBACK")


def position(connection: sqlite3.Connection) -> Row | None:
    """Return the workflow row, or None before the first run."""
    row: Row | None = connection.execute("SELECT * FROM workflow").fetchone()
    return row


def steps(connection: sqlite3.Connection) -> list[Row]:
    """Return the status of every step in walking order, with the run that its last event is of."""
    return connection.execute(
        "SELECT step_status.*, event.run AS last_run FROM step_status LEFT JOIN event ON event.seq = last_seq "
        "ORDER BY position"
    ).fetchall()


OF_STEPS = """
    SELECT at, boot, kind, event.state, step, attempt, key, evidence, code, class, detail, next_try, duration
      FROM step CROSS JOIN event ON event.step = step.name
     WHERE seq >= coalesce((SELECT max(seq) FROM event AS settled WHERE settled.step = step.name
            AND kind IN ('done', 'satisfied', 'recovered', 'lost', 'reset') AND kind <> 'reset'), 0)
     ORDER BY seq
"""
"""Of each step in the list its events from the last one on that says valid or lost; the kinds name an index."""
LAST_ATTEMPT = "SELECT attempt FROM event WHERE step = ? AND attempt IS NOT NULL ORDER BY seq DESC LIMIT 1"


def records(connection: sqlite3.Connection) -> dict[str, Record]:
    """Return what is known of each step in the list that has any events, from the events themselves."""
    histories: dict[str, list[tuple[Event, float, str]]] = {}
    for at, boot, *values in rows(connection, OF_STEPS):
        event = Event(*values)
        histories.setdefault(str(event.step), []).append((event, at, boot))
    return {name: fold(history, _attempts(connection, name, history)) for name, history in histories.items()}


def _attempts(connection: sqlite3.Connection, step: str, history: list[tuple[Event, float, str]]) -> int:
    if any(event.attempt is not None for event, _, _ in history):
        return 0
    found = rows(connection, LAST_ATTEMPT, step)
    return int(found[0][0]) if found else 0


def milestones(connection: sqlite3.Connection) -> Row:
    """Return when the first and the latest walk began and why, whether all was ever valid, and since when it is.

    What is asked for is of no step: so the index on the steps finds it among a million events.
    """
    row: Row = connection.execute("""
        SELECT (SELECT at FROM event ORDER BY seq LIMIT 1) AS first,
               (SELECT at FROM event WHERE step IS NULL AND kind = 'begun' ORDER BY seq DESC LIMIT 1) AS walk,
               (SELECT detail FROM event WHERE step IS NULL AND kind = 'begun' ORDER BY seq DESC LIMIT 1) AS reason,
               EXISTS (SELECT 1 FROM event WHERE step IS NULL AND kind = 'checked') AS served,
               (SELECT at FROM event WHERE step IS NULL AND kind = 'checked' AND seq > coalesce(
                    (SELECT seq FROM event WHERE step IS NULL AND kind IN ('entered', 'ended')
                     ORDER BY seq DESC LIMIT 1), 0
               ) ORDER BY seq LIMIT 1) AS serving
    """).fetchone()
    return row


def events(connection: sqlite3.Connection, after: int = 0, last: int | None = None) -> list[Row]:
    """Return the events after a sequence number, or the `last` so many, oldest first."""
    if last is not None:
        few = max(0, min(last, 1 << 62))  # SQLite's numbers have 64 bits
        rows = connection.execute("SELECT * FROM event ORDER BY seq DESC LIMIT ?", (few,)).fetchall()
        return rows[::-1]
    return connection.execute("SELECT * FROM event WHERE seq > ? ORDER BY seq", (after,)).fetchall()


def stream(connection: sqlite3.Connection, columns: str = "*", last: int | None = None) -> Iterator[Row]:
    """Yield all events, or the `last` so many, oldest first: a page at a time, so that none waits for who reads them.

    `columns` are those wanted, in SQL, the number (`seq`) among them.
    """
    after = -1
    if last is not None:
        few = max(0, min(last, 1 << 62))  # SQLite's numbers have 64 bits
        before = connection.execute("SELECT seq FROM event ORDER BY seq DESC LIMIT 1 OFFSET ?", (few,)).fetchone()
        after = -1 if before is None else before["seq"]
    query = f"SELECT {columns} FROM event WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - names of our own
    while page := connection.execute(query, (after, PAGE)).fetchall():
        yield from page
        after = page[-1]["seq"]


def pruned(connection: sqlite3.Connection, until: int | None = None) -> int:
    """Return how many events are no longer there, up to a number or in all."""
    query = "SELECT coalesce(sum(last - first + 1), 0) AS count FROM gap WHERE last <= ?"
    return int(connection.execute(query, (1 << 62 if until is None else until,)).fetchone()["count"])


def last_whole(connection: sqlite3.Connection) -> float | None:
    """Return when a walk last found or made everything valid, in seconds since the epoch; None before the first."""
    found = connection.execute(
        "SELECT at FROM event WHERE step IS NULL AND kind = 'checked' ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    return None if found is None else float(found["at"])


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Row:
    shown = (plain(value) if isinstance(value, str) else value for value in row)
    return {column[0]: value for column, value in zip(cursor.description, shown, strict=True)}
