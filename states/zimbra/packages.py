"""The vendor's packages as dpkg's files on the volume have them: no program is started for a look."""

from __future__ import annotations

import os
from pathlib import Path

from states.ubuntu.dpkg import Package, packages
from zflow.api import Context, read_bytes

PREFIX = "zimbra-"
LISTS = Path("var/lib/dpkg/info")
PROGRAMS = tuple(f"/opt/zimbra/common/{name}/" for name in ("bin", "sbin", "libexec", "lib"))
"""Where packages have their programs and libraries. No script of the vendor's takes any away (zm-build 8.8.15, 10.0.0:
rpmconf/Spec/Scripts; Zimbra/packages: debian/*.postinst), as some do elsewhere: zimbra-store.post:23 moves db.sql."""


def vendor_packages(ctx: Context) -> dict[str, Package]:
    """Return the vendor's packages on the volume by name; without those of which only the configuration is left."""
    return {name: each for name, each in packages(ctx.volume).items() if name.startswith(PREFIX) and each.present}


def hollow(ctx: Context) -> dict[str, str]:
    """Return the installed packages that lack a program, by name, each with the first such file.

    apt believes dpkg that they are installed, and never unpacks them again. It looks at some 15,000 names.
    """
    found, lacking = vendor_packages(ctx), {}
    for path in sorted((ctx.volume / LISTS).glob(f"{PREFIX}*.list")):
        name = path.name.removesuffix(".list").partition(":")[0]  # `NAME:ARCHITECTURE` where several may be installed
        if name in found and found[name].installed:
            programs = (line for line in os.fsdecode(read_bytes(path)).splitlines() if line.startswith(PROGRAMS))
            if gone := next((each for each in programs if _is_gone(ctx.volume / each[1:])), None):
                lacking[name] = gone
    return lacking


def _is_gone(path: Path) -> bool:
    """Tell whether a file is gone; one behind a link to a folder is not looked at: the link may leave the volume."""
    return not os.path.lexists(path) and not any(parent.is_symlink() for parent in path.parents)
