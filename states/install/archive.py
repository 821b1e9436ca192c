"""The release's archive: fetched ahead of time, checked against its SHA-256, kept in the cache."""

from __future__ import annotations

from states.zimbra import archive
from states.zimbra.settings import RELEASE, RELEASE_SHA256, RELEASE_URL
from zflow.api import Context, Evidence, Step


def probe(ctx: Context) -> Evidence | None:
    """See whether the archive was checked and is unchanged since, by size and time."""
    return archive.of_wanted(ctx, archive.evidence)


def apply(ctx: Context) -> None:
    """Fetch and check the archive. Raises what `wanted` and `obtain` raise."""
    archive.obtain(ctx, archive.wanted(ctx))


def inputs(ctx: Context) -> str:
    """Return what decides which archive it is."""
    place, digest = ctx.settings.get(RELEASE_URL), ctx.settings.get(RELEASE_SHA256)
    return f"{ctx.settings[RELEASE]} {place} {digest}"


STEP = Step(
    name="install.archive",
    title="Fetch the Zimbra release",
    probe=probe,
    apply=apply,
    inputs=inputs,
    retry="network",
    timeout=4 * 3600,
    weight=120,
    ahead=True,
)
