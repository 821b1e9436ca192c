"""The vendor's package source, set up and read before its installer asks."""

from __future__ import annotations

from states.zimbra import source
from states.zimbra.proof import finished
from states.zimbra.settings import VENDOR_KEY_FINGERPRINT
from zflow.api import Context, Evidence, Step


def probe(ctx: Context) -> Evidence | None:
    """See whether key and list are as wanted and, until the server is installed, the index has been read."""
    if not source.has_key(ctx) or not source.in_place(ctx):
        return None
    if finished(ctx) is None and not all(source.index(ctx, each).exists() for each in source.sources(ctx)):
        return None
    return Evidence(f"{', '.join(source.sources(ctx))} by key {ctx.settings[VENDOR_KEY_FINGERPRINT]}")


def apply(ctx: Context) -> None:
    """Write key and list, read the index. Raises what `fetch_key` and `update` raise."""
    source.adopt(ctx, source.sources(ctx))


def inputs(ctx: Context) -> str:
    """Return what decides the source."""
    return f"{source.wanted_list(ctx)} {ctx.settings[VENDOR_KEY_FINGERPRINT]}"


STEP = Step(
    name="install.source",
    title="Set up the vendor's package source",
    probe=probe,
    apply=apply,
    inputs=inputs,
    retry="network",
    timeout=900,
    weight=15,
)
