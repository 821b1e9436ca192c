"""Upgrade: a newer release over an installed server, on the operator's order, prepared while the server serves.

The steps that prepare it are the last state of a walk: the server serves until every check has passed. Two more steps
carry it out, before services start: a server that is half upgraded must not be started.
"""

from __future__ import annotations

from states.upgrade.codes import CODES

__all__ = ["CODES"]
