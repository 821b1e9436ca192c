"""Upgrade: a newer release over an installed server, on the operator's order, prepared while the old one serves.

What prepares it is the last state of a walk: the server serves until all that can be refused was refused. What carries
it out are two steps of the install, before services start: a server that is half upgraded must not be started.
"""

from states.upgrade import archive, checks, packages, setup, software, unpack
from states.upgrade.codes import CODES
from zflow.api import State

STATE = State("upgrade", "A newer release", (archive.STEP, unpack.STEP, packages.STEP, checks.STEP))
CARRIED_OUT = (software.STEP, setup.STEP)

__all__ = ["CARRIED_OUT", "CODES", "STATE"]
