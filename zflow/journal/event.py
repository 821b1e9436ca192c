"""One row of the journal, its kinds, and the chain of hashes that shows a changed or missing row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

Kind = Literal[
    "begun", "ended", "entered", "checked",
    "started", "done", "satisfied", "recovered", "interrupted", "failed", "gave-up", "blocked", "lost", "reset",
]  # fmt: skip
"""`begun` and `ended` frame a walk, `entered` is of a state, `checked` of the whole product, the rest of one step."""

VALID: frozenset[str] = frozenset({"done", "satisfied", "recovered"})
"""After one of these a step's postcondition held."""
NOTICE = "NOTICE: "
"""Prefix of a notice."""
IN_ORDER = "the services were stopped"
"""Detail of the event `ended` with which a container ends that was stopped in order. Journals hold it: it stays."""
LOOKED = "everything was looked at thoroughly"
"""Detail of the event `ended` of a walk that asked all audits and was stopped. Journals hold it: it stays."""
UNFINISHED: frozenset[str] = frozenset({"started", "failed", "interrupted", "blocked", "gave-up"})
"""After one of these as the latest, an attempt may have left something half done."""

COLUMNS = (
    "at", "boot", "run", "state", "step", "attempt", "kind", "key", "evidence", "code", "class", "detail",
    "next_try", "duration",
)  # fmt: skip


class Event(NamedTuple):
    """What is to be recorded; time, boot and run are added by the writer.

    Evidence and detail are free text, from which secrets are removed; the rest are words and numbers of zflow.
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
        """Its values in the order of `COLUMNS`, without the first three, which the writer adds."""
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
    from hashlib import sha256  # loads OpenSSL, which `zflow status` and the supervisor do not need

    return sha256(compact((previous, *values)).encode()).hexdigest()
