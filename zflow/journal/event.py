"""One record of the journal, its kinds, and the chain of hashes that makes a changed or missing row visible."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
IN_ORDER = "the services were stopped"
"""What the last event of a container says, with the kind `ended`, when it was stopped in order."""
LOOKED = "everything was looked at thoroughly"
"""What the last event of a walk says, with the kind `ended`, that asked all audits and was stopped all the same."""
UNFINISHED: frozenset[str] = frozenset({"started", "failed", "interrupted", "blocked", "gave-up"})
"""After one of these as the latest, an attempt may have left something half done."""

COLUMNS = (
    "at", "boot", "run", "state", "step", "attempt", "kind", "key", "evidence", "code", "class", "detail",
    "next_try", "duration",
)  # fmt: skip


class Event(NamedTuple):
    """What is to be recorded; time, boot and run are added by the writer.

    Evidence and detail are free text, from which secrets are taken out; the rest are words and numbers of our own.
    """

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

    @property
    def values(self) -> tuple[Any, ...]:
        """What it says, in the order of `COLUMNS`, where the first three are the writer's."""
        return (
            self.state, self.step, self.attempt, self.kind, self.key, self.evidence, self.code, self.error_class,
            self.detail, self.next_try, self.duration,
        )  # fmt: skip


compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Writes JSON for hashes; `json.dumps` would make an encoder for each text."""


def link(previous: str, values: Sequence[Any]) -> str:
    """Return the hash of a row that follows the row with hash `previous`; the first follows the empty text.

    `values` are the row's, in the order of `COLUMNS`.
    """
    from hashlib import sha256  # OpenSSL, which `zflow status` and the supervisor would load in vain

    return sha256(compact((previous, *values)).encode()).hexdigest()
