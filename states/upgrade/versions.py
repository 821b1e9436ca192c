"""The vendor's version numbers, and which of two is newer.

A version is `8.8.15.GA.3869.UBUNTU18.64`: three numbers, the maturity, the build. The vendor's check against downgrades
compares the three numbers, but is skipped in an unattended run (utilfunc.sh 9.0.0: checkVersionDowngrade, 431-471, and
determineVersionType, which returns before it).
"""

from __future__ import annotations

import re
from pathlib import Path

FORM = re.compile(r"(\d+)\.(\d+)\.(\d+)[._](\w+?)[._](\w+)")
CORE = re.compile(r"zimbra-core_(.+)_(?:amd64|all)\.deb")
PLATFORM = re.compile(r"UBUNTU\d+_64")


def newer(goal: str, installed: str) -> bool:
    """Tell whether one version is newer than another.

    In one release the higher build is newer; of builds that are not numbers, every other one counts as newer.
    """
    ours, theirs = FORM.match(goal), FORM.match(installed)
    if ours is None or theirs is None or same(goal, installed):
        return False
    numbers, before = (tuple(map(int, each.groups()[:3])) for each in (ours, theirs))
    if numbers != before:
        return numbers > before
    if ours[5].isdigit() and theirs[5].isdigit():
        return int(ours[5]) > int(theirs[5])
    return True


def same(one: str, other: str) -> bool:
    """Tell whether two versions name the same build, whatever follows it."""
    ours, theirs = FORM.match(one), FORM.match(other)
    return ours is not None and theirs is not None and ours.groups() == theirs.groups()


def version_in(folder: Path) -> str:
    """Return the version of zimbra-core in an unpacked archive; empty without one, or with several."""
    found = [match[1] for path in (folder / "packages").glob("*.deb") if (match := CORE.fullmatch(path.name))]
    return found[0] if len(found) == 1 else ""


def platform_in(name: str) -> str:
    """Return the platform in the name of an archive, such as UBUNTU18_64; empty without one."""
    match = PLATFORM.search(name.rsplit("/", 1)[-1])
    return match[0] if match else ""
