"""The key says what a step's result was made for. When it differs from the journalled one, the step is due again."""

from __future__ import annotations

import hashlib

from zflow.context import Context
from zflow.step import Scope, Step

ONCE = "once"


def key_of(step: Step, ctx: Context) -> str:
    """Return the key of a step here and now: its revision, its scope's identity and a hash of its inputs.

    A step that is built once has the same key always: neither a new image nor a changed setting makes it due.
    """
    if step.once:
        return ONCE
    scope = ctx.boot if step.scope is Scope.BOOT else "volume"
    inputs = step.inputs(ctx) if step.inputs is not None else ""
    return f"r{step.revision}:{scope}:{hashlib.sha256(inputs.encode()).hexdigest()[:16]}"


def why_due(journalled: str | None, today: str) -> str:
    """Say in words why a key makes a step due, for `zflow plan` and the history."""
    if journalled is None:
        return "never done"
    if ONCE in {journalled, today}:
        return "this version of zflow does it differently"
    (old_revision, old_scope, _), (revision, scope, _) = journalled.split(":"), today.split(":")
    if old_scope != scope:
        return "the container was restarted"
    if old_revision != revision:
        return "this version of zflow does it differently"
    return "its inputs changed"
