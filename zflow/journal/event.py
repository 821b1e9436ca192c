"""One record of the journal, its kinds, and the chain of hashes that makes a changed or missing row visible."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Kind = Literal[
    "begun", "ended", "entered", "checked",
    "started", "done", "satisfied", "recovered", "interrupted", "failed", "gave-up", "blocked", "lost", "reset",
]  # fmt: skip
"""`begun` and `ended` frame a run, `entered` and `checked` speak of a state or the whole, the rest of one step."""

VALID: frozenset[str] = frozenset({"done", "satisfied", "recovered"})
"""After one of these a step's postcondition held."""
NOTICE = "NOTICE: "
"""How an evidence begins that stops nothing and yet somebody should know."""
UNFINISHED: frozenset[str] = frozenset({"started", "failed", "interrupted", "blocked", "gave-up"})
"""After one of these as the latest, an attempt may have left something half done."""

COLUMNS = (
    "at", "boot", "run", "state", "step", "attempt", "kind", "key", "evidence", "code", "class", "detail",
    "next_try", "duration",
)  # fmt: skip


class Event(NamedTuple):
    """What is to be recorded; time, boot and run are added by the writer."""

    kind: Kind
    state: str | None = None
    step: str | None = None
    attempt: int | None = None
    key: str | None = None
    evidence: str | None = None
    code: str | None = None
    error_class: str | None = None
    detail: str | None = None
    next_try: float | None = None
    duration: float | None = None


compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Writes JSON for hashes; `json.dumps` would make an encoder for each text."""


def link(previous: str, row: Mapping[str, Any]) -> str:
    """Return the hash of a row that follows the row with hash `previous`; the first follows the empty text."""
    from hashlib import sha256  # OpenSSL, which `zflow status` and the supervisor would load in vain

    return sha256(compact([previous, *[row[column] for column in COLUMNS]]).encode()).hexdigest()
