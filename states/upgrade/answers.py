"""The defaults file of an upgrade: only that it is an upgrade, and of which packages. It holds no password.

With `UPGRADE="yes"` install.sh replaces packages, keeps data and writes `UPGRADED` into its history; zmsetup.pl then
takes its values from the server's configuration; every key named here would replace one of those (packages.sh 9.0.0:
132-144, 178; zmsetup.pl: 252, 1886-1893; the vendor's .circleci/jobs/deploy_ec2/upgrade.conf.in has the same keys).
"""

from __future__ import annotations

from pathlib import Path

from states.zimbra.packages import vendor_packages
from states.zimbra.releases import PACKAGES
from states.zimbra.unpack import installer
from zflow.api import Context, write_atomic

FILE = Path("opt/zflow-upgrade-answers")


def packages(ctx: Context) -> list[str]:
    """Return the packages to install: those of a server, and others of the archive that are installed.

    The vendor's default is zimbra-core alone (globals.sh 9.0.0, 96).
    """
    there = {path.name.partition("_")[0] for path in (installer(ctx) / "packages").glob("*.deb")}
    return sorted({*PACKAGES, *(there & vendor_packages(ctx).keys())})


def render(names: list[str]) -> str:
    """Return the content, in a form for both of its readers (states/zimbra/answers.py)."""
    values = {
        "INSTALL_PACKAGES": " ".join(names),
        "REMOVE": "no",
        "UPGRADE": "yes",
        "USE_ZIMBRA_PACKAGE_SERVER": "no",
    }
    return "".join(f'{key}="{value}"\n' for key, value in values.items())


def write(ctx: Context) -> Path:
    """Write the file and return its path."""
    path = ctx.volume / FILE
    write_atomic(path, render(packages(ctx)), mode=0o600)
    return path
