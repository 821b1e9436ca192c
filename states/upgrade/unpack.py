"""Unpacks the ordered release next to the server, and checks that it is for this Ubuntu, and newer."""

from __future__ import annotations

from states.upgrade import codes
from states.upgrade.status import NOTHING
from states.upgrade.versions import newer, version_in
from states.zimbra import unpack
from states.zimbra.order import key, ordered
from zflow.api import Context, Evidence, OperatorError, Step


def probe(ctx: Context) -> Evidence | None:
    """See the complete tree of the ordered archive, or that no upgrade is ordered."""
    order = ordered(ctx)
    if order is None:
        return NOTHING
    found = unpack.evidence(ctx, order.archive)
    return found if newer(version_in(unpack.installer(ctx)), order.installed) else None


def apply(ctx: Context) -> None:
    """Unpack it. Raises what `unpack` raises, and OperatorError(NOT_NEWER)."""
    order = ordered(ctx)
    assert order is not None
    unpack.unpack(ctx, order.archive)
    goal = version_in(unpack.installer(ctx))
    if not newer(goal, order.installed):
        raise OperatorError(
            codes.NOT_NEWER, f"the archive contains {goal or 'no zimbra-core'}; {order.installed} is installed"
        )


STEP = Step(
    name="upgrade.unpack",
    title="Unpack the ordered release",
    probe=probe,
    apply=apply,
    inputs=key,
    timeout=900,
)
