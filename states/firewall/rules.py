"""The rules for the present settings and gateways, closed and open."""

from __future__ import annotations

from states.firewall.model import Rule, closed, opened
from states.firewall.ports import Opening
from states.firewall.render import render
from states.firewall.settings import RATE, early, openings
from states.ubuntu.gateways import gateways
from zflow.api import Context, OperatorError


def early_openings(ctx: Context) -> tuple[Opening, ...]:
    """Return what is open in the closed table; nothing where settings contradict each other."""
    try:
        return early(ctx)
    except OperatorError:
        return ()


def closed_rules(ctx: Context) -> tuple[Rule, ...]:
    """Return the closed table's rules."""
    return closed(early_openings(ctx))


def closed_text(ctx: Context) -> str:
    """Return the closed table. It can be loaded with any settings, so that no setting leaves the server open."""
    return render(closed_rules(ctx))


def open_rules(ctx: Context) -> tuple[Rule, ...]:
    """Return the open table's rules. Raises OperatorError(CONTRADICTION)."""
    return opened(openings(ctx), gateways(), ctx.settings[RATE])


def open_text(ctx: Context) -> str:
    """Return the open table. Raises OperatorError(CONTRADICTION)."""
    return render(open_rules(ctx))
