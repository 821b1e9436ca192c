"""Makes the steps of one state due again. Only the journal changes, and it keeps its history."""

from __future__ import annotations

import uuid
from contextlib import closing
from pathlib import Path

from zflow import codes
from zflow.errors import OperatorError
from zflow.host.boot import boot_identity
from zflow.host.clock import system_clock
from zflow.host.files import write_atomic
from zflow.journal.event import Event
from zflow.journal.layout import journal_file, request_file
from zflow.journal.writer import Position, open_journal
from zflow.step import Product, Step
from zflow.supervise.lock import writing
from zflow.walk.machine import Workflow
from zflow.walk.walker import ASKED, listed

PATIENCE = 2.0
"""Seconds to wait for a walker that is just ending."""


def names_of(product: Product, state: str) -> tuple[Step, ...]:
    """Return the steps of a state. Raises OperatorError(NO_SUCH_STATE) with the names there are."""
    for each in product.states:
        if each.name == state:
            return each.steps
    names = ", ".join(each.name for each in product.states)
    raise OperatorError(codes.NO_SUCH_STATE, f"unknown state {state!r}; the states are: {names}")


def check(volume: Path, patience: float = PATIENCE) -> None:
    """Check whether a reset would be refused, before it is confirmed. Raises what `reset` does, and NO_JOURNAL."""
    with writing(volume, patience):
        if not journal_file(volume).exists():
            raise OperatorError(codes.NO_JOURNAL, f"{journal_file(volume)} does not exist")


def reset(product: Product, volume: Path, state: str, patience: float = PATIENCE) -> None:
    """Record that every step of `state` is due again; the next walk asks its audit.

    The request for a walk is on the volume before the record: a kill in between causes one walk too many, never one
    too few. Raises OperatorError: UNDER_WAY for a walk that does not end within `patience`, or what `writing` does.
    """
    steps = names_of(product, state)
    with (
        writing(volume, patience),
        closing(
            open_journal(volume, clock=system_clock, boot=boot_identity(), run=f"reset-{uuid.uuid4().hex[:8]}")
        ) as journal,
    ):
        journal.restore(listed(product))
        at = journal.position
        workflow = Workflow([each.name for each in product.states], *((at.state, at.place) if at else ()))
        goal = workflow.destination("reset", state)
        write_atomic(request_file(volume), f"{ASKED}{state}\n", mode=0o600)
        events = [Event("reset", state=state, step=step.name, detail="requested by the operator") for step in steps]
        journal.record(events, Position(state=goal, place=goal))
