"""Is the journal what its last commit left? SQLite's own check, the chain of events, and the seal of the rest.

SQLite keeps no checksums in its file, and the chain of hashes covers the events up to the last that is there. The seal,
one row renewed in each commit, covers the rest: how many events there are, the workflow row, the list of steps and the
schema, whose views say what the events mean.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import Any

from zflow import codes
from zflow.journal.event import COLUMNS, link
from zflow.journal.meaning import translated

SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
STEPS = "SELECT name, position, state, title, scope, weight FROM step ORDER BY name"
WORKFLOW = (
    "SELECT state, place, step, boot, run, updated, code, detail, remedy, next_try, version FROM workflow ORDER BY id"
)
NEWEST = "SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1"
UNSEALED = "the seal of the last commit does not fit: events at the end, or what is beside them, have changed"


def frame(connection: sqlite3.Connection) -> str:
    """Return a hash of what a commit of events leaves as it is: the schema and the list of steps."""
    return _hash(_rows(connection, SCHEMA), _rows(connection, STEPS))


def seal(connection: sqlite3.Connection, framed: str) -> str:
    """Return the seal of what is there now, within a transaction: `framed` is what `frame` returned."""
    return _hash(framed, _rows(connection, NEWEST), _rows(connection, WORKFLOW))


def broken_seal(connection: sqlite3.Connection) -> bool:
    """Tell whether the last commit left something else; asked within a transaction, beside a writer too."""
    kept = _rows(connection, "SELECT hash FROM seal")
    return kept not in ([("",)], [(seal(connection, frame(connection)),)])


def wrong(connection: sqlite3.Connection) -> str | None:
    """Say what is wrong with a journal of any released schema, if anything; takes some 10 us an event.

    Raises sqlite3.DatabaseError where the volume is to blame.
    """
    try:
        connection.execute("BEGIN")
        try:
            return _wrong(connection)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
    except (sqlite3.DatabaseError, TypeError, ValueError) as error:
        meant = translated(error)
        if meant.code is not codes.JOURNAL_DAMAGED:
            raise
        return meant.detail


def _wrong(connection: sqlite3.Connection) -> str | None:
    found = _rows(connection, "PRAGMA integrity_check(1)")[0][0]
    if found != "ok":
        return str(found).replace("\n", "; ")
    if (broken := broken_link(connection)) is not None:
        return f"event {broken} does not follow from the one before it"
    if not _rows(connection, "SELECT 1 FROM sqlite_master WHERE name = 'seal'"):
        return None
    return UNSEALED if broken_seal(connection) else None


def broken_link(connection: sqlite3.Connection) -> int | None:
    """Return the sequence number of the first event whose hash does not follow from the one before, if any."""
    names = ("seq", "hash", *COLUMNS)
    previous = ""
    rows = _rows(connection, f"SELECT {', '.join(names)} FROM event ORDER BY seq")  # noqa: S608 - names of our own
    for expected, values in enumerate(rows, start=1):
        row = dict(zip(names, values, strict=True))
        if row["seq"] != expected or row["hash"] != link(previous, row):
            return int(row["seq"])
        previous = row["hash"]
    return None


def _rows(connection: sqlite3.Connection, query: str) -> list[tuple[Any, ...]]:
    cursor = connection.cursor()
    cursor.row_factory = None
    return cursor.execute(query).fetchall()


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
