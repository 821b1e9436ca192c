"""The vendor's version numbers, and which of two is newer.

Packages are called `8.8.15.GA.3869.UBUNTU18.64`: three numbers, the maturity, the build. The vendor's own check against
going back compares the three numbers and asks nobody in an unattended run (utilfunc.sh 9.0.0: checkVersionDowngrade,
431-471, and determineVersionType, which returns before it).
"""

from __future__ import annotations

import re
from pathlib import Path

FORM = re.compile(r"(\d+)\.(\d+)\.(\d+)[._](\w+?)[._](\w+)")
CORE = re.compile(r"zimbra-core_(.+)_(?:amd64|all)\.deb")
PLATFORM = re.compile(r"UBUNTU\d+_64")


def newer(goal: str, installed: str) -> bool:
    """Tell whether one version is newer than another.

    Of one release the higher build is; builds that are no numbers have no order, and another one is taken for newer.
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
    """Tell whether two texts name the same build, whatever follows it."""
    ours, theirs = FORM.match(one), FORM.match(other)
    return ours is not None and theirs is not None and ours.groups() == theirs.groups()


def brought(folder: Path) -> str:
    """Return the version of zimbra-core in an unpacked archive; empty when it has none, or several."""
    found = [match[1] for path in (folder / "packages").glob("*.deb") if (match := CORE.fullmatch(path.name))]
    return found[0] if len(found) == 1 else ""


def platform_in(name: str) -> str:
    """Return the platform that an archive's name tells, such as UBUNTU18_64; empty when it tells none."""
    match = PLATFORM.search(name.rsplit("/", 1)[-1])
    return match[0] if match else ""
