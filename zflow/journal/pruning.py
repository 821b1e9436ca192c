"""Which events are kept always, and how the others are removed without a break in the chain.

Nothing is pruned from a journal of fewer than `ENOUGH` events, and never one of the newest `RECENT`. Of what is older
is kept: of each step, and of the walks themselves, the last `LAST` events; as many of each from the first start, and
from each walk in which one of the product's turning points was done, as an upgrade; and whatever the present status
rests on.

A stretch of pruned events leaves its first and last number and the hash of its last: what follows it is still proven to
follow, and an older copy of the journal is proven to be its past. All of it is one transaction with the new seal.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from zflow.journal.event import LOOKED
from zflow.journal.seal import RECENT, gaps_sum

ENOUGH = 10_000
LAST = 50
"""More than the attempts that any policy makes, and than the deaths of a walker that are counted."""
BATCH = 5_000
"""Events pruned in one transaction, in some 50 ms."""
MOST = 100_000
"""Events pruned after one walk: a journal that grew for years becomes short within a few."""
ROOMY = 16 << 20
"""Bytes from which on a journal's file that is mostly empty is rewritten."""

STEPS = """
    WITH RECURSIVE found(step) AS (
        SELECT min(step) FROM event
        UNION ALL SELECT (SELECT min(step) FROM event WHERE event.step > found.step) FROM found WHERE step IS NOT NULL
    ) SELECT step FROM found WHERE step IS NOT NULL
"""
"""Each step that has events, by the index: not all events are read."""
SETTLING = "('done', 'satisfied', 'recovered', 'lost', 'reset')"
SINCE = f"""SELECT max(coalesce(max(seq), 0), coalesce((SELECT max(seq) FROM event
    WHERE step = :step AND kind = 'gave-up'), 0)) FROM event WHERE step = :step AND kind IN {SETTLING}"""  # noqa: S608
OF_A_STEP = (
    f"SELECT max(seq) FROM event WHERE step = :step AND kind IN {SETTLING}",  # noqa: S608 - words of our own
    "SELECT max(seq) FROM event WHERE step = :step AND kind = 'gave-up'",
    f"SELECT seq FROM event WHERE step = :step AND kind = 'failed' AND seq > ({SINCE})",  # noqa: S608
    "SELECT seq FROM event WHERE step = :step AND attempt IS NOT NULL ORDER BY seq DESC LIMIT 1",
    "SELECT seq FROM event WHERE step = :step AND kind <> 'reset' ORDER BY seq DESC LIMIT 1",
)
"""What its record rests on (`zflow.journal.record`), and its row of the view `step_status`."""
OF_WALKS = (
    "SELECT max(seq) FROM event WHERE step IS NULL AND kind = 'begun'",
    "SELECT max(seq) FROM event WHERE step IS NULL AND kind = 'checked'",
    "SELECT max(seq) FROM event WHERE step IS NULL AND kind IN ('entered', 'ended')",
    """SELECT min(seq) FROM event WHERE step IS NULL AND kind = 'checked' AND seq > coalesce(
        (SELECT max(seq) FROM event WHERE step IS NULL AND kind IN ('entered', 'ended')), 0)""",
    f"SELECT max(seq) FROM event WHERE step IS NULL AND kind = 'ended' AND detail = '{LOOKED}'",  # noqa: S608
    """SELECT seq FROM event WHERE boot <> (SELECT boot FROM event ORDER BY seq DESC LIMIT 1)
        ORDER BY seq DESC LIMIT 1""",
)
"""The times of the status (`zflow.journal.reader.milestones`), and whether the last container was stopped in order."""
FIRST_START = """SELECT coalesce((SELECT min(seq) FROM event WHERE step IS NULL AND kind = 'checked'),
    (SELECT max(seq) FROM event), 0)"""
TURN = """
    SELECT coalesce((SELECT max(seq) FROM event WHERE step IS NULL AND kind = 'begun' AND seq < turn.seq), 1),
           coalesce((SELECT min(seq) FROM event WHERE step IS NULL AND kind IN ('checked', 'ended') AND seq > turn.seq),
                    turn.seq)
      FROM event AS turn WHERE step = ? AND kind = 'done'
"""


def length(connection: sqlite3.Connection) -> int:
    """Return how many events the journal still holds."""
    newest, pruned = _row(connection, "SELECT (SELECT coalesce(max(seq), 0) FROM event), pruned FROM past")
    return int(newest) - int(pruned)


def prune(connection: sqlite3.Connection, turns: Sequence[str], most: int) -> int:
    """Prune at most so many events by the rule, the oldest first; return how many. Within the caller's transaction."""
    kept = rule(connection, turns)
    newest = _row(connection, "SELECT coalesce(max(seq), 0) FROM event")[0]
    runs: list[list[Any]] = []
    count, going = 0, False
    for seq, step, digest in connection.execute(
        "SELECT seq, step, hash FROM event WHERE seq < ? ORDER BY seq", (newest - RECENT,)
    ):
        if kept(seq, step):
            going = False
            continue
        if count == most:
            break
        if not going:
            runs.append([seq, seq, digest])
        runs[-1][1:] = seq, digest
        count, going = count + 1, True
    for first, last, digest in runs:
        _cut(connection, first, last, digest)
    if count:
        connection.execute("UPDATE past SET pruned = pruned + ?, gaps = ?", (count, gaps_sum(connection)))
    return count


def chapters(connection: sqlite3.Connection, turns: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last number of what is kept apart: the first start, and walks with a turning point."""
    yield 1, int(_row(connection, FIRST_START)[0])
    for name in turns:
        yield from connection.execute(TURN, (name,))


def attempts_apart(connection: sqlite3.Connection, turns: Sequence[str], each: int) -> set[tuple[str, str, int]]:
    """Return state, step and number of the last attempts of each step, so many of each chapter that is kept apart."""
    found: set[tuple[str, str, int]] = set()
    for chapter in chapters(connection, turns):
        made: dict[str, deque[tuple[str, str, int]]] = {}
        for row in connection.execute(
            "SELECT state, step, attempt FROM event WHERE seq BETWEEN ? AND ? AND kind = 'started' ORDER BY seq",
            chapter,
        ):
            made.setdefault(row[1], deque(maxlen=each)).append(row)
        found.update(attempt for attempts in made.values() for attempt in attempts)
    return found


def rule(connection: sqlite3.Connection, turns: Sequence[str]) -> Callable[[int, str | None], bool]:
    """Return what tells whether an event, by its number and its step, is kept."""
    apart = sorted(set(chapters(connection, turns)))
    rests = {*_needed(connection), *(end for ends in apart for end in ends)}

    @cache
    def oldest(step: str | None, first: int, last: int | None) -> int:
        """Return the oldest of the last events of a step within a chapter, or of all."""
        found = connection.execute(
            "SELECT seq FROM event WHERE step IS ? AND seq BETWEEN ? AND ? ORDER BY seq DESC LIMIT 1 OFFSET ?",
            (step, first, 1 << 62 if last is None else last, LAST - 1),
        ).fetchone()
        return first if found is None else int(found[0])

    def kept(seq: int, step: str | None) -> bool:
        if seq in rests or seq >= oldest(step, 1, None):
            return True
        return any(first <= seq <= last and seq >= oldest(step, first, last) for first, last in apart)

    return kept


def _needed(connection: sqlite3.Connection) -> Iterator[int]:
    for query in OF_WALKS:
        yield from (seq for (seq,) in connection.execute(query) if seq is not None)
    for (step,) in connection.execute(STEPS).fetchall():
        for query in OF_A_STEP:
            yield from (seq for (seq,) in connection.execute(query, {"step": step}) if seq is not None)


def _cut(connection: sqlite3.Connection, first: int, last: int, digest: str) -> None:
    """Delete a stretch of events, and account for it together with the stretches that it meets or spans."""
    met = connection.execute(
        "SELECT first, last, hash FROM gap WHERE last >= ? AND first <= ?", (first - 1, last + 1)
    ).fetchall()
    connection.execute("DELETE FROM gap WHERE last >= ? AND first <= ?", (first - 1, last + 1))
    end = max([(last, digest), *((each[1], each[2]) for each in met)])
    connection.execute(
        "INSERT INTO gap (first, last, hash) VALUES (?, ?, ?)", (min([first, *(each[0] for each in met)]), *end)
    )
    connection.execute("DELETE FROM event WHERE seq BETWEEN ? AND ?", (first, last))


def _row(connection: sqlite3.Connection, query: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] = connection.execute(query).fetchone()
    return row
