"""The defaults file of an upgrade: that it is one, and for which packages. All else the server knows itself.

With `UPGRADE="yes"` install.sh exchanges packages in place, keeps data and writes `UPGRADED` into its history, by which
zmsetup.pl takes its values from the server's own configuration; every key named here would replace one of those
(packages.sh 9.0.0: 132-144, 178; zmsetup.pl: 252, 1886-1893; the vendor's own .circleci/jobs/deploy_ec2/upgrade.conf.in
names no more). So no password is in it.
"""

from __future__ import annotations

from pathlib import Path

from states.zimbra.packages import vendor_packages
from states.zimbra.releases import PACKAGES
from states.zimbra.unpack import installer
from zflow.api import Context, write_atomic

PLACE = Path("opt/zflow-upgrade-answers")


def packages(ctx: Context) -> list[str]:
    """Return what the installer is to bring: what makes a server, and whatever of the archive is installed beside it.

    The vendor's default is zimbra-core alone (globals.sh 9.0.0, 96).
    """
    there = {path.name.partition("_")[0] for path in (installer(ctx) / "packages").glob("*.deb")}
    return sorted({*PACKAGES, *(there & vendor_packages(ctx).keys())})


def render(names: list[str]) -> str:
    """Return the content, in the form that both of its readers accept (states/zimbra/answers.py)."""
    values = {
        "INSTALL_PACKAGES": " ".join(names),
        "REMOVE": "no",
        "UPGRADE": "yes",
        "USE_ZIMBRA_PACKAGE_SERVER": "no",
    }
    return "".join(f'{key}="{value}"\n' for key, value in values.items())


def write(ctx: Context) -> Path:
    """Write the file and return where it lies."""
    path = ctx.volume / PLACE
    write_atomic(path, render(packages(ctx)), mode=0o600)
    return path
