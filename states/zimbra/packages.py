"""What dpkg on the volume says, read from its status file and its lists of files: no program is started for a look."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from zflow.api import Context, read_bytes

PREFIX = "zimbra-"
LISTS = Path("var/lib/dpkg/info")
PROGRAMS = tuple(f"/opt/zimbra/common/{name}/" for name in ("bin", "sbin", "libexec", "lib"))
"""Where packages have their programs and libraries. No script of the vendor's takes any away (zm-build 8.8.15, 10.0.0:
rpmconf/Spec/Scripts; Zimbra/packages: debian/*.postinst), as some do elsewhere: zimbra-store.post:23 moves db.sql."""


@dataclass(frozen=True)
class Package:
    """One package's line `Status: WANTED FLAG STATE` (dpkg-query(1))."""

    name: str
    wanted: str
    flag: str
    state: str
    version: str = ""

    @property
    def installed(self) -> bool:
        """Tell whether it is wholly installed."""
        return self.state == "installed"

    @property
    def torn(self) -> bool:
        """Tell whether it has to be unpacked again before anything else can be done with it."""
        return self.flag == "reinstreq"

    @property
    def held(self) -> bool:
        """Tell whether upgrades leave it alone."""
        return self.wanted == "hold"


def parse(status: str) -> dict[str, Package]:
    """Return the vendor's packages in a status file by name; those that left only configuration behind are left out."""
    return {name: each for name, each in known(status).items() if each.state not in {"not-installed", "config-files"}}


def known(status: str) -> dict[str, Package]:
    """Return those that dpkg has a word on, also where nothing of them is there any more."""
    found = {}
    for stanza in status.split("\n\n"):
        if not stanza.startswith(f"Package: {PREFIX}"):
            continue
        name = stanza[9 : stanza.index("\n")]
        words = stanza.partition("\nStatus: ")[2].partition("\n")[0].split()
        if len(words) == 3:
            version = stanza.partition("\nVersion: ")[2].partition("\n")[0]
            found[name] = Package(name, words[0], words[1], words[2], version)
    return found


def vendor_packages(ctx: Context) -> dict[str, Package]:
    """Return the vendor's packages on the volume by name."""
    try:
        return parse((ctx.volume / "var/lib/dpkg/status").read_text(errors="replace"))
    except OSError:
        return {}


def hollow(ctx: Context) -> dict[str, str]:
    """Return the installed packages that lack a program, by name, each with the first such file.

    apt takes what dpkg calls installed for there, and never unpacks it again. One look at each of some 15,000 names.
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
    """Tell whether there is nothing; what lies behind a link to a folder is not looked at: it may lead out of here."""
    return not os.path.lexists(path) and not any(parent.is_symlink() for parent in path.parents)
