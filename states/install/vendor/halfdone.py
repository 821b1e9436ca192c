"""Completes what a cut-off package manager left half done, before anybody judges by it or builds on it.

A package that dpkg was unpacking is neither configured nor removed by it (`reinstreq`, dpkg(1)), and apt refuses all
work while it has no archive for such a one, as for those of the release: the vendor's installer would fail for ever.
"""

from __future__ import annotations

from states.install.release.source import proxy_options
from states.install.release.unpack import inside, installer
from states.install.vendor.installers import ALONE
from states.install.vendor.packages import vendor_packages
from zflow.api import Context

KEPT = ("--force-confdef", "--force-confold")
"""A configuration file that somebody changed stays; asked about it, dpkg would find nobody and fail. dpkg(1)."""
CONFIGURE = ("dpkg", *KEPT, "--configure", "-a")
REPAIR = ("--yes", "--no-remove", *(f"--option=Dpkg::Options::={each}" for each in KEPT), "--fix-broken", "install")


def complete(ctx: Context) -> None:
    """Configure what was not, unpack again what was being unpacked; what cannot be is seen by what is lacking.

    dpkg's last words may lie in its journal, which it works in when it is called the first time.
    """
    _run(ctx, *CONFIGURE)
    folder = installer(ctx) / "packages"
    files = [inside(path, ctx) for name in torn(ctx) for path in sorted(folder.glob(f"{name}_*.deb"))]
    if files:
        _run(ctx, "dpkg", *KEPT, "--force-depends", "--unpack", *files)
        _run(ctx, *CONFIGURE)
    if torn(ctx):
        _run(ctx, "apt-get", *proxy_options(ctx), *REPAIR)


def torn(ctx: Context) -> list[str]:
    """Return the vendor's packages that dpkg was cut off in while it unpacked them."""
    return sorted(name for name, each in vendor_packages(ctx).items() if each.torn)


def _run(ctx: Context, *argv: str) -> None:
    """Run it when apt's daily job has let go."""
    ctx.shell.chroot("sh", "-c", ALONE, "alone", *argv, ok=range(256), timeout=900)
