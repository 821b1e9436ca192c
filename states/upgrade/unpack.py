"""The newer release unpacked beside the server, and what it is: for this Ubuntu, and newer than what is installed."""

from __future__ import annotations

from states.upgrade import codes
from states.upgrade.archive import NOTHING
from states.upgrade.versions import brought, newer
from states.zimbra import unpack
from states.zimbra.order import key, ordered
from zflow.api import Context, Evidence, OperatorError, Step


def probe(ctx: Context) -> Evidence | None:
    """See the ordered archive's tree, whole; or that none is ordered."""
    order = ordered(ctx)
    if order is None:
        return NOTHING
    found = unpack.evidence(ctx, order.archive)
    return found if newer(brought(unpack.installer(ctx)), order.installed) else None


def apply(ctx: Context) -> None:
    """Unpack it. Raises what `unpack` raises, and OperatorError(NOT_NEWER)."""
    order = ordered(ctx)
    assert order is not None
    unpack.unpack(ctx, order.archive)
    goal = brought(unpack.installer(ctx))
    if not newer(goal, order.installed):
        raise OperatorError(codes.NOT_NEWER, f"the archive brings {goal or 'nothing'}, {order.installed} is installed")


STEP = Step(
    name="upgrade.unpack",
    title="Unpack the ordered release",
    probe=probe,
    apply=apply,
    inputs=key,
    timeout=900,
)
