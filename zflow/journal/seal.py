"""Is the journal as its last commit left it? SQLite's own check, the chain of events, and the seal of the rest.

SQLite keeps no checksums in its file, and the chain of hashes covers the events up to the last that is there. The seal,
one row renewed in each commit, covers the rest: the number of events, the workflow row, the list of steps, the sum of
what was pruned and the schema with its view. It is a checksum against accidents, for which `zflow status` need not load
OpenSSL.

The chain continues over pruned events: of each stretch of them its numbers and the hash of its last are kept.
"""

from __future__ import annotations

import sqlite3
import zlib
from typing import Any

from zflow import codes
from zflow.journal.event import COLUMNS, compact, link
from zflow.journal.sqlite_errors import translated

SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
STEPS = "SELECT name, position, state, title, scope, weight FROM step ORDER BY name"
PLACE = (
    "state", "place", "step", "boot", "run", "updated", "code", "detail", "remedy", "next_try", "version",
)  # fmt: skip
"""The workflow row's columns, in the order in which they are sealed."""
WORKFLOW = f"SELECT {', '.join(PLACE)} FROM workflow ORDER BY id"  # noqa: S608 - names of our own
PAST = "SELECT pruned, gaps FROM past"
GAPS = "SELECT first, last, hash FROM gap ORDER BY last"
NEWEST = "SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1"
RECENT = 2_000
"""So many of the newest events are checked before each walk, in some 20 ms: a journal may grow for years.
`zflow journal verify` checks all; a step's probe decides in any case whether its result is there."""
Rows = list[tuple[Any, ...]]
UNSEALED = "the seal of the last commit does not match: the last events or other rows have changed"


def frame(connection: sqlite3.Connection) -> str:
    """Return a checksum of what a commit of events does not change: schema, list of steps, sum of what was pruned."""
    schema, steps = rows(connection, SCHEMA), rows(connection, STEPS)
    return _sum(schema, steps, rows(connection, PAST)) if _has(schema, "past") else _sum(schema, steps)


def gaps_sum(connection: sqlite3.Connection) -> str:
    """Return a checksum of what is kept of the pruned events; empty where there are none."""
    gaps = rows(connection, GAPS)
    return _sum(gaps) if gaps else ""


def contents(connection: sqlite3.Connection) -> tuple[Rows, Rows]:
    """Return what each commit changes, as it is sealed: number and hash of the newest event, and the workflow row."""
    return rows(connection, NEWEST), rows(connection, WORKFLOW)


def seal(framed: str, newest: Rows, workflow: Rows) -> str:
    """Return the seal of a commit: `framed` is what `frame` returned, the rest what `contents` would return after it.

    The writer knows both without reading them again.
    """
    return _sum(framed, newest, workflow)


def broken_seal(connection: sqlite3.Connection) -> bool:
    """Tell whether the seal does not match. Within a transaction this also works while a writer runs."""
    found = rows(connection, "SELECT hash FROM seal")
    return found not in ([("",)], [(seal(frame(connection), *contents(connection)),)])


def wrong(connection: sqlite3.Connection, recent: int | None = None) -> str | None:
    """Say what is wrong with a journal of any released schema, if anything; takes some 10 us an event.

    Of one that is longer than `recent` only so many events are looked at.
    Raises sqlite3.DatabaseError where the volume is to blame.
    """
    try:
        connection.execute("BEGIN")
        try:
            return _wrong(connection, recent)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
    except (sqlite3.DatabaseError, TypeError, ValueError) as error:
        meant = translated(error)
        if meant.code is not codes.JOURNAL_DAMAGED:
            raise
        return meant.detail


def _wrong(connection: sqlite3.Connection, recent: int | None) -> str | None:
    newest = rows(connection, "SELECT coalesce(max(seq), 0) FROM event")[0][0]
    older = 0 if recent is None else max(0, newest - recent)
    if not older and (found := rows(connection, "PRAGMA integrity_check(1)")[0][0]) != "ok":
        return str(found).replace("\n", "; ")
    if (broken := broken_link(connection, older)) is not None:
        return f"event {broken} does not match the hash of the event before it"
    schema = rows(connection, SCHEMA)
    if not _has(schema, "seal"):
        return None
    if not older and _has(schema, "past") and rows(connection, PAST)[0][1] != gaps_sum(connection):
        return "the list of pruned events has changed"
    return UNSEALED if broken_seal(connection) else None


def broken_link(connection: sqlite3.Connection, older: int = 0) -> int | None:
    """Return the number of the first event after `older` whose hash does not follow from the one before, if any."""
    names = ("seq", "hash", *COLUMNS)
    pruned = _has(rows(connection, SCHEMA), "gap")
    gaps = {first: (last, digest) for first, last, digest in rows(connection, GAPS) if last > older} if pruned else {}
    before = rows(connection, "SELECT hash FROM event WHERE seq = ?", older)
    expected, previous = older + 1, before[0][0] if before else ""
    query = f"SELECT {', '.join(names)} FROM event WHERE seq > ? ORDER BY seq"  # noqa: S608 - names of our own
    for seq, digest, *values in _plain(connection).execute(query, (older,)):
        if expected in gaps:
            last, previous = gaps.pop(expected)
            expected = last + 1
        if seq != expected or digest != link(previous, values):
            return int(seq)
        expected, previous = seq + 1, digest
    return min(gaps, default=None)


def _has(schema: Rows, table: str) -> bool:
    return any(name == table for _, name, *_ in schema)


def rows(connection: sqlite3.Connection, query: str, *values: int | str) -> Rows:
    """Return what a query finds as plain tuples, whatever the connection makes of its rows."""
    return _plain(connection).execute(query, values).fetchall()


def _plain(connection: sqlite3.Connection) -> sqlite3.Cursor:
    """Return a cursor whose rows are tuples, whatever the connection's are."""
    cursor = connection.cursor()
    cursor.row_factory = None
    return cursor


def _sum(*parts: object) -> str:
    return f"{zlib.crc32(compact(parts).encode()):08x}"
