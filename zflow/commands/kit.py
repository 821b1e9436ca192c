"""What the commands of a product may use of the engine's command line; light, for `zflow --help` loads them all."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from zflow.commands.guard import lockless, writes
from zflow.commands.light import volume
from zflow.commands.steering import go_on, on_the_terminal
from zflow.exits import Exit
from zflow.terminal.words import counted

if TYPE_CHECKING:
    from zflow.context import Context

__all__ = ["PATIENCE", "Exit", "counted", "exclusively", "go_on", "lockless", "look", "on_the_terminal", "writes"]

PATIENCE = 5.0
"""Seconds to wait until a walker releases the journal."""


def look() -> Context:
    """Return a context of no step, without a log. Raises OperatorError when the settings are wrong."""
    from zflow.commands import product

    return product.bystander().look()


def exclusively() -> AbstractContextManager[None]:
    """Hold the journal's lock, so that no walk begins. Raises OperatorError: UNDER_WAY during a walk, or HELD."""
    from zflow.supervise.lock import writing

    return writing(volume(), PATIENCE)
