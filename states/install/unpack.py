"""The archive unpacked beside the server, where programs inside the Ubuntu can read it."""

from __future__ import annotations

from states.zimbra import archive, unpack
from zflow.api import Context, Evidence, OperatorError, Step


def probe(ctx: Context) -> Evidence | None:
    """See whether the tree is complete and of the wanted archive."""
    return archive.of_wanted(ctx, unpack.evidence)


def apply(ctx: Context) -> None:
    """Unpack the wanted archive. Raises what `wanted` and `unpack` raise."""
    unpack.unpack(ctx, archive.wanted(ctx))


def inputs(ctx: Context) -> str:
    """Return which archive it is of."""
    try:
        return archive.wanted(ctx).sha256
    except OperatorError:
        return ""


STEP = Step(
    name="install.unpack",
    title="Unpack the Zimbra release",
    probe=probe,
    apply=apply,
    inputs=inputs,
    timeout=900,
    weight=15,
)
