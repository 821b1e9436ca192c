"""The exit codes of every command; the README's table is this one."""

from __future__ import annotations

from enum import IntEnum

WALK_STOPPED = 20
"""What a walker says to its supervisor in place of STOPPED: an interpreter that dies of an error ends with 1 too."""

INTERRUPTED = 130
"""Ended by Ctrl-C, as a shell says it: 128 and the number of the signal; nothing to be listed, as with any command."""
BROKEN_PIPE = 141
"""Whoever read the output has gone, as `head` has."""


class Exit(IntEnum):
    """How a command ended, for scripts and orchestrators."""

    VALID = 0
    """Every state is valid (or the command did what it was asked)."""
    STOPPED = 1
    """Blocked or failed, or no runner is at work; the output says why and what to do."""
    USAGE = 2
    """The command line was wrong."""
    IN_PROGRESS = 3
    """The walk is under way."""
    HELD = 4
    """Another zflow holds the volume."""
    REFUSED = 5
    """Nothing was begun: the machine, the volume or its journal cannot be used."""
