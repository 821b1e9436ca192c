"""The floor: outcome, next intent and place in one commit of `sqlite3`, and nothing else. Arguments: FOLDER STEPS."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path

ADD = "INSERT INTO event (at, boot, run, state, step, attempt, kind, key, evidence, hash) VALUES (?,?,?,?,?,?,?,?,?,?)"


def main() -> None:
    """Commit once a step and print the seconds it took."""
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    journal = sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)
    journal.execute("PRAGMA journal_mode=WAL")
    journal.execute("PRAGMA synchronous=FULL")
    journal.execute(
        "CREATE TABLE event (seq INTEGER PRIMARY KEY, at, boot, run, state, step, attempt, kind, key, evidence, hash)"
    )
    journal.execute("CREATE INDEX event_of_step ON event (step, seq)")
    journal.execute("CREATE TABLE workflow (id INTEGER PRIMARY KEY, state, step, updated)")
    journal.execute("INSERT INTO workflow VALUES (1, 'one', '', 0)")
    begun = time.monotonic()
    for number in range(count):
        at, digest = time.time(), "0" * 64
        journal.execute("BEGIN IMMEDIATE")
        journal.execute(ADD, (at, "boot", "run", "one", f"one.s{number - 1}", 1, "done", "key", "done", digest))
        journal.execute(ADD, (at, "boot", "run", "one", f"one.s{number}", 1, "started", "key", None, digest))
        journal.execute("UPDATE workflow SET step = ?, updated = ?", (f"one.s{number}", at))
        journal.execute("COMMIT")
    print(json.dumps({"step": (time.monotonic() - begun) / max(1, count)}))


if __name__ == "__main__":
    main()
