"""A journal of a million events beside one of a thousand: status, and resuming a walk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, Row, within
from tests.bench.measure import side_by_side
from tests.bench.place import Place
from tests.bench.rows.commands import STEPS, zflow
from tests.bench.rows.resume import die, first_new
from zflow.journal.event import COLUMNS, link
from zflow.journal.layout import home, journal_file
from zflow.journal.writer import open_journal

MANY, FEW = 1_000_000, 1_000
LIFE = ("started", "failed", "started", "done", "lost")
"""What happens to each step again and again, over years of repairs."""
NAMES = (*COLUMNS, "hash")
ADD = f"INSERT INTO event ({', '.join(NAMES)}) VALUES ({', '.join(f':{name}' for name in NAMES)})"


def measure(place: Place, rounds: int) -> Iterator[Figure]:
    """Give a journal a past of so many events and a walk that died in its middle, and look at it."""
    few, many = (grown(place.new("events"), count) for count in (FEW, MANY))
    status_few, status_many, resume_few, resume_many = side_by_side(
        rounds * 2,
        lambda: zflow(few, "status", ok=(1,)),
        lambda: zflow(many, "status", ok=(1,)),
        lambda: first_new("zflow_walk", few, STEPS),
        lambda: first_new("zflow_walk", many, STEPS),
    )
    yield within(f"status, {MANY:,} events", status_many, status_few, f"{FEW:,} events", most=1.5, limit="1 ×")
    yield within(f"resume, {MANY:,} events", resume_many, resume_few, f"{FEW:,} events", most=1.5, limit="1 ×")


def grown(volume: Path, count: int) -> Path:
    """Return the volume with a journal of so many events, and a walk begun after them that died."""
    home(volume).mkdir()
    open_journal(volume, clock=lambda: 0.0, boot="past", run="past").close()
    with closing(sqlite3.connect(journal_file(volume))) as journal, journal:
        journal.execute("PRAGMA synchronous=OFF")
        journal.executemany(ADD, past(count))
    die("zflow_walk", volume, STEPS, "half", "volume")
    return volume


def past(count: int) -> Iterator[dict[str, Any]]:
    """Yield a chain of events of all steps in turn."""
    head = ""
    for number in range(count):
        life, step = divmod(number, STEPS)
        kind = LIFE[life % len(LIFE)]
        row: dict[str, Any] = dict.fromkeys(COLUMNS) | {
            "at": float(number), "boot": "past", "run": "past", "state": "one", "step": f"one.s{step}", "kind": kind,
            "attempt": None if kind == "lost" else life, "key": "r1:volume:0", "evidence": "done",
        }  # fmt: skip
        head = row["hash"] = link(head, [row[each] for each in COLUMNS])
        yield row


ROW = Row("events", measure)
