"""The upgrade status: how far a server is between two releases; and errors that include it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from states.upgrade import codes
from states.upgrade.versions import same
from states.zimbra.history import last
from states.zimbra.order import Order, give, ordered
from states.zimbra.packages import vendor_packages
from zflow.api import Context, Evidence, OperatorError, TransientError, ZflowError, counted

NOTHING = Evidence("no upgrade is ordered")
TRIES = 2
"""Failures after which an upgrade waits for the operator: a third attempt would fail in the same way."""


def status(ctx: Context, order: Order) -> str:
    """Return a clause that says where the server is between the two releases."""
    found = vendor_packages(ctx).values()
    new = [each.name for each in found if same(each.version, order.goal)]
    session = last(ctx)
    if not new and any(each.name == "zimbra-core" and each.installed for each in found):
        return f"the software is still {order.installed}"
    if session is None or not session.complete or "zimbra-core" not in new:
        return f"the software is partly {order.goal}: {counted(len(new), 'package')} of that version"
    stage = session.stages[-1] if session.stages else "none"
    return f"the software is {order.goal}; the last stage of its configuration was {stage}"


@contextmanager
def errors_with_status(ctx: Context) -> Iterator[None]:
    """Turn every failure inside into the upgrade's own, with the upgrade status; after TRIES the operator must act.

    Raises TransientError(FAILED) or OperatorError(FAILED).
    """
    try:
        yield
    except ZflowError as error:
        order = ordered(ctx)
        assert order is not None
        order = replace(order, failures=order.failures + 1)
        give(ctx, order)
        retried = isinstance(error, TransientError) and order.failures < TRIES
        kind = TransientError if retried else OperatorError
        raise kind(codes.FAILED, f"{status(ctx, order)}; {error.code.id}: {error.detail}") from error
