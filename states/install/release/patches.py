"""Says which of the vendor's patches are offered and not installed: an old release is known to those who break in.

For builds of its own the vendor publishes patches as packages beside those of the release. Its installer adds them
where a person answers it (OPTIONAL_PACKAGES of globals.sh 8.8.15), not by a defaults file; and as all of them are held,
nothing else brings them. Builds by others have the patches built in: the vendor's packages would take them back.
"""

from __future__ import annotations

import re

from states.install.proof import proven
from states.install.release import source
from states.install.vendor.packages import vendor_packages
from zflow.api import Context

OWN_BUILDS = ("8.8.15.GA.3869.", "8.8.15.GA.4179.")
"""Versions of zimbra-core in the vendor's own archives, for 18.04 and 20.04 (zimbra-facts §6.1)."""
PATCHES = ("zimbra-patch", "zimbra-mta-patch", "zimbra-proxy-patch")


def offered(ctx: Context) -> set[str]:
    """Return the names in the indexes of the vendor's packages that apt has read."""
    found: set[str] = set()
    for each in source.sources(ctx):
        try:
            text = source.package_index(ctx, each).read_text(errors="replace")
        except OSError:
            continue
        found.update(re.findall(r"^Package: (\S+)$", text, re.MULTILINE))
    return found


def notices(ctx: Context) -> tuple[str, ...]:
    """Say what is offered and not installed, with the way to it; nothing for a build that is not the vendor's."""
    session, present = proven(ctx), vendor_packages(ctx)
    if session is None or not session.packages.get("zimbra-core", "").startswith(OWN_BUILDS):
        return ()
    names = [each for each in PATCHES if each not in present]
    if not (lacking := [each for each in names if each in offered(ctx)]):
        return ()
    return (
        f"the vendor's patches {', '.join(lacking)} are not installed, without which known holes are open: run `zflow "
        f"pause`, `zflow shell apt-get install --yes {' '.join(lacking)}`, `zflow shell su - zimbra -c 'zmcontrol "
        "restart'` and `zflow resume`",
    )
