"""Completes what a cut-off package manager left half done, before anybody judges by it or builds on it.

A package that dpkg was unpacking is neither configured nor removed by it (`reinstreq`, dpkg(1)), and apt refuses all
work while it has no archive for such a one, as for those of the release: the vendor's installer would fail for ever.
"""

from __future__ import annotations

from states.ubuntu import dpkg
from states.zimbra.packages import vendor_packages
from states.zimbra.unpack import inside, installer
from zflow.api import Context


def complete_packages(ctx: Context) -> None:
    """Configure what was not, unpack again what was being unpacked; what cannot be is seen by what is lacking.

    dpkg's last words may lie in its journal, which it works in when it is called the first time.
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
    """Return the vendor's packages that dpkg was cut off in while it unpacked them."""
    return sorted(name for name, each in vendor_packages(ctx).items() if each.torn)
