"""Completes the packages that an interrupted dpkg left half installed, before a check or a step relies on them.

A package that dpkg was unpacking is neither configured nor removed by it (`reinstreq`, dpkg(1)), and apt refuses all
work while it has no archive for such a one, as for those of the release: the vendor's installer would fail for ever.
"""

from __future__ import annotations

from states.ubuntu import dpkg
from states.zimbra.packages import vendor_packages
from states.zimbra.unpack import inside, installer
from zflow.api import Context


def complete_packages(ctx: Context) -> None:
    """Configure packages, and unpack again those whose unpacking was interrupted; a later check reports the rest.

    dpkg applies its own journal at its first call.
    """
    dpkg.run(ctx, *dpkg.CONFIGURE)
    folder = installer(ctx) / "packages"
    files = [inside(path, ctx) for name in torn(ctx) for path in sorted(folder.glob(f"{name}_*.deb"))]
    if files:
        dpkg.run(ctx, "dpkg", *dpkg.OLD_FILES, "--force-depends", "--unpack", *files)
        dpkg.run(ctx, *dpkg.CONFIGURE)
    if torn(ctx):
        dpkg.run(ctx, *dpkg.REPAIR)


def torn(ctx: Context) -> list[str]:
    """Return the vendor's packages whose unpacking was interrupted."""
    return sorted(name for name, each in vendor_packages(ctx).items() if each.torn)
