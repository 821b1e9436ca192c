"""How far a server has come on its way to a newer release, and errors that say it along with what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from states.upgrade import codes
from states.upgrade.versions import same
from states.zimbra.history import last
from states.zimbra.order import Order, give, ordered
from states.zimbra.packages import vendor_packages
from zflow.api import Context, OperatorError, TransientError, ZflowError

TRIES = 2
"""Failures after which an upgrade waits for the operator: a third run would meet the same."""


def standing(ctx: Context, order: Order) -> str:
    """Return in words where the server stands between the two releases."""
    found = vendor_packages(ctx).values()
    fresh = [each.name for each in found if same(each.version, order.goal)]
    session = last(ctx)
    if not fresh and any(each.name == "zimbra-core" and each.installed for each in found):
        return f"the software is still {order.installed}"
    if session is None or not session.complete or "zimbra-core" not in fresh:
        return f"the software is partly {order.goal}: {len(fresh)} packages of it are there"
    reached = session.stages[-1] if session.stages else "none"
    return f"the software is {order.goal}, its configuration came to the stage {reached}"


@contextmanager
def forward(ctx: Context) -> Iterator[None]:
    """Give every failure inside the upgrade's own code and where the server stands; after some it is the operator's.

    Raises TransientError(FAILED) or OperatorError(FAILED).
    """
    try:
        yield
    except ZflowError as error:
        order = ordered(ctx)
        assert order is not None
        order = replace(order, failures=order.failures + 1)
        give(ctx, order)
        passes = isinstance(error, TransientError) and order.failures < TRIES
        kind = TransientError if passes else OperatorError
        raise kind(codes.FAILED, f"{standing(ctx, order)}; {error.code.id}: {error.detail}") from error
