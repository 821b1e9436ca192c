"""The newer release's archive, fetched and checked while the old server serves."""

from __future__ import annotations

from states.zimbra import archive
from states.zimbra.order import key, ordered
from zflow.api import Context, Evidence, Step

NOTHING = Evidence("no upgrade is ordered")


def probe(ctx: Context) -> Evidence | None:
    """See whether the ordered archive is here, or none is ordered."""
    order = ordered(ctx)
    return NOTHING if order is None else archive.evidence(ctx, order.archive)


def apply(ctx: Context) -> None:
    """Fetch and check it. Raises what the install's own download raises."""
    order = ordered(ctx)
    assert order is not None
    archive.obtain(ctx, order.archive)


STEP = Step(
    name="upgrade.archive",
    title="Fetch the ordered release",
    probe=probe,
    apply=apply,
    inputs=key,
    retry="network",
    timeout=4 * 3600,
)
