"""What is to be done about a step? Asked by the walk before it acts, and by `zflow plan` and `zflow verify`."""

from __future__ import annotations

from typing import Literal, NamedTuple

from zflow import codes
from zflow.context import Context
from zflow.errors import OperatorError
from zflow.host.oom import oom_kills
from zflow.journal.record import Record
from zflow.step import Drift, Evidence, Step
from zflow.terminal.words import counted
from zflow.walk.keys import key_of, why_due

DEATHS = 3
"""So many times may a step take the walker down with it, within one boot, before it is blocked."""

Verdict = Literal["holds", "found", "due", "lost", "refused"]
"""`found`: it holds although the journal does not say so; `lost`: the journal says so although it does not hold."""


class World(NamedTuple):
    """What a look at a step saw: its key here and now, its postcondition, the boot, processes ended by the kernel."""

    key: str
    seen: Evidence | Drift | None
    boot: str
    killed: int = 0


class Decision(NamedTuple):
    """What is to be done about a step, and why; with `refused` goes the error that stops the walk."""

    verdict: Verdict
    why: str
    error: OperatorError | None = None


def look(step: Step, record: Record, ctx: Context, *, deep: bool) -> World:
    """Look at a step by its probe, or by its audit where that is asked or the operator has reset the step.

    Raises what the step's `inputs` and its look raise.
    """
    key = key_of(step, ctx)
    seen = step.look(deep=deep or record.asked)(ctx)
    return World(key, seen, ctx.boot, oom_kills() if record.deaths(ctx.boot) else 0)


def decide(step: Step, record: Record, world: World) -> Decision:
    """Return what is to be done about a step, by what the journal knows of it and what a look saw."""
    current = record.valid and record.key == world.key
    if isinstance(world.seen, Evidence):
        # After an attempt without an outcome the effect may be there and not be on the disk yet.
        return Decision("holds" if current and not record.unfinished else "found", world.seen.summary)
    if (error := _hopeless(step, record, world)) is not None:
        return Decision("refused", str(error), error)
    drift = world.seen.summary if world.seen is not None else ""
    if current:
        return Decision("lost", drift or "no longer holds")
    interrupted = "the last attempt was interrupted" if record.cut_off else ""
    return Decision("due", drift or interrupted or why_due(record.key, world.key))


def _hopeless(step: Step, record: Record, world: World) -> OperatorError | None:
    """Return why a step is not applied although its postcondition does not hold."""
    if step.once and record.valid:
        return OperatorError(codes.LOST, f"{step.name} ({step.title}) was complete and does not hold any more")
    if (deaths := record.deaths(world.boot)) >= DEATHS:
        detail = f"the walker died in {step.name} {deaths} times since this start of the container"
        if world.killed:
            detail += f"; out of memory: the kernel killed {counted(world.killed, 'process', 'processes')} here"
        return OperatorError(codes.POISON, detail)
    return None
