"""Hardening: limits against floods and guessed passwords, a check of senders, alerts, DKIM."""

from __future__ import annotations

from collections.abc import Sequence

from states.hardening import dkim, watching
from states.hardening.codes import CODES
from states.hardening.settings import SETTINGS
from zflow.api import Context, Watch


def watches(ctx: Context) -> Sequence[Watch]:
    """Return what to watch: the login monitor, and the list of mail domains."""
    return (*watching.watches(ctx), *dkim.watches(ctx))


__all__ = ["CODES", "SETTINGS", "watches"]
