"""Downloads and checks the archive of the ordered release while the server serves."""

from __future__ import annotations

from states.upgrade.status import NOTHING
from states.zimbra import archive
from states.zimbra.order import key, ordered
from zflow.api import Context, Evidence, Step


def probe(ctx: Context) -> Evidence | None:
    """See the ordered archive, or that no upgrade is ordered."""
    order = ordered(ctx)
    return NOTHING if order is None else archive.evidence(ctx, order.archive)


def apply(ctx: Context) -> None:
    """Download and check it. Raises what the download of the installation raises."""
    order = ordered(ctx)
    assert order is not None
    archive.obtain(ctx, order.archive)


STEP = Step(
    name="upgrade.archive",
    title="Download the ordered release",
    probe=probe,
    apply=apply,
    inputs=key,
    retry="network",
    timeout=4 * 3600,
)
