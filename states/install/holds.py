"""The vendor's packages held: unattended upgrades must not replace parts of a running mail server."""

from __future__ import annotations

from states.zimbra import holds
from states.zimbra.packages import vendor_packages
from zflow.api import Context, Drift, Evidence, Step


def probe(ctx: Context) -> Evidence | Drift | None:
    """See whether every package of the vendor is held."""
    found = vendor_packages(ctx)
    if not found:
        return None
    if loose := sorted(name for name, each in found.items() if not each.held):
        return Drift(f"not held: {', '.join(loose)}")
    return Evidence(f"{len(found)} packages held")


STEP = Step(
    name="install.holds",
    title="Hold Zimbra's packages",
    probe=probe,
    apply=holds.hold,
    timeout=900,
)
