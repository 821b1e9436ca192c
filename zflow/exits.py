"""The exit codes of every command; the README's table is this one."""

from __future__ import annotations

from enum import IntEnum

WALK_STOPPED = 20
"""A walker's code for its supervisor in place of STOPPED: an interpreter that dies of an error also ends with 1."""

INTERRUPTED = 130
"""Ended by Ctrl-C: 128 and the number of the signal, as in a shell. Not listed, because every command has it."""
BROKEN_PIPE = 141
"""The reader of the output has ended, as `head` does."""


class Exit(IntEnum):
    """How a command ended, for scripts and orchestrators."""

    VALID = 0
    """Every state is valid, or the command succeeded."""
    STOPPED = 1
    """Blocked or failed, or no supervisor runs; the output says why and what to do."""
    USAGE = 2
    """The command line was wrong."""
    IN_PROGRESS = 3
    """A walk is in progress."""
    HELD = 4
    """Another zflow holds the volume."""
    REFUSED = 5
    """Nothing was started: the machine, the volume or its journal cannot be used."""
