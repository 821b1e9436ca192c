"""Hardening: limits against floods and guessed passwords, honest senders, alerts; declared in one table, read back."""

from states.hardening import senders, values
from states.hardening.codes import CODES
from states.hardening.settings import SETTINGS
from zflow.api import State

STATE = State("hardening", "Hardening of the server", (values.STEP, senders.STEP))

__all__ = ["CODES", "SETTINGS", "STATE"]
