"""Upgrade: a newer release over an installed server, on the operator's order, prepared while the old one serves."""

from states.upgrade.codes import CODES

__all__ = ["CODES"]
