"""The packages of the Ubuntu by dpkg's files, and how packages are completed that dpkg left half done.

After a kill or a power cut dpkg leaves packages half done, and its last entries unmerged in `updates/`. Then apt
refuses to work, and its daily job ends without a message (`apt-get check` in apt.systemd.daily): no security update
would come.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from zflow.api import CommandError, Context, text_of

FOLDER = Path("var/lib/dpkg")
LOCKS = ("lock-frontend", "lock")
"""apt holds them for all of its work, dpkg for its own part; POSIX locks, which end with their process."""
LOCK = "/var/lib/apt/daily_lock"
"""The lock of apt's daily job (apt.systemd.daily), which also holds dpkg's."""
PATIENCE = 600
"""Seconds that the daily job gets to end."""
OLD_FILES = ("--force-confdef", "--force-confold")
"""An edited configuration file stays; dpkg(1). Without them dpkg would ask, get no answer and fail."""
APT_OLD_FILES = tuple(f"--option=Dpkg::Options::={each}" for each in OLD_FILES)
"""The same for apt."""
CONFIGURE = ("dpkg", *OLD_FILES, "--configure", "-a")
REPAIR = ("apt-get", "--yes", "--no-remove", *APT_OLD_FILES,
          "--option=Acquire::http::Timeout=30", "--option=Acquire::https::Timeout=30", "--fix-broken",
          "install")  # fmt: skip
"""Unpacks again what was cut off while it was unpacked, which dpkg itself cannot. It removes no package."""
FETCH = ("apt-get", "install", "--download-only", "--yes", "--allow-change-held-packages")
"""Fetches packages into apt's cache, also held ones, and installs nothing."""
NO_DAEMONS = Path("usr/sbin/policy-rc.d")
"""invoke-rc.d asks it before each action of an init script; invoke-rc.d(8)."""
POLICY = """\
#!/bin/sh
# Written by zflow. Packages must not start services here: there is no init in this tree; zflow starts what is to run.
exit 101
"""
LONGEST = 900.0
"""Seconds that each gets: a package's script that waits for ever must not keep a server down."""


@dataclass(frozen=True)
class Package:
    """One package: what is wanted of it, dpkg's flag, how far it has come, and its version, empty for none.

    `Status: WANTED FLAG STATE`; dpkg-query(1).
    """

    name: str
    wanted: str
    flag: str
    state: str
    version: str = ""

    @property
    def installed(self) -> bool:
        """Tell whether it is completely installed."""
        return self.state == "installed"

    @property
    def present(self) -> bool:
        """Tell whether more than its configuration is there."""
        return self.state not in {"not-installed", "config-files"}

    @property
    def torn(self) -> bool:
        """Tell whether dpkg was cut off while it unpacked the package, and has to unpack it again first."""
        return self.flag == "reinstreq"

    @property
    def held(self) -> bool:
        """Tell whether upgrades do not change it."""
        return self.wanted == "hold"


@lru_cache(maxsize=2)
def parse(status: str) -> Mapping[str, Package]:
    """Return the packages in the text of a status file by name; a stanza without a complete `Status` is left out.

    Many steps ask for the same text in one walk, and a server's has some 700 kB: it is parsed once.
    """
    found = {}
    for stanza in status.split("\n\n"):
        fields = {key: stanza.partition(f"\n{key}: ")[2].partition("\n")[0] for key in ("Status", "Version")}
        words = fields["Status"].split()
        if stanza.startswith("Package: ") and len(words) == 3:
            name = stanza.partition("\n")[0].removeprefix("Package: ")
            found[name] = Package(name, words[0], words[1], words[2], fields["Version"])
    return found


def packages(volume: Path) -> Mapping[str, Package]:
    """Return the packages that dpkg knows in a tree, by name; none where it has no status file."""
    return parse(text_of(volume / FOLDER / "status"))


def installed(volume: Path) -> set[str]:
    """Return the names of the packages that dpkg calls installed."""
    return {name for name, each in packages(volume).items() if each.installed}


def unfinished(ctx: Context) -> dict[str, str]:
    """Return the half-done packages, each with dpkg's word for its state."""
    found, journal = dict(packages(ctx.volume)), _journal(ctx)
    for path in journal:
        found |= parse(text_of(path))
    half = {
        name: each.state if each.flag == "ok" else f"{each.state}, {each.flag}"
        for name, each in found.items()
        if each.present and not each.installed
    }
    return half or ({"dpkg's journal": "not merged"} if journal else {})


def _journal(ctx: Context) -> list[Path]:
    """Return the files that dpkg has not merged into its status; like libapt-pkg, those named by digits."""
    try:
        return sorted(each for each in (ctx.volume / FOLDER / "updates").iterdir() if each.name.isdigit())
    except OSError:
        return []


def at_work(ctx: Context) -> bool:
    """Tell whether a package manager is at work now: what it has not done yet is not left half done."""
    return any(_is_locked(ctx.volume / FOLDER / name) for name in LOCKS)


def _is_locked(path: Path) -> bool:
    """Ask the kernel whether a process holds the lock, without taking it; lockf(3), F_TEST."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.lockf(descriptor, os.F_TEST, 0)
    except (PermissionError, BlockingIOError):
        return True
    finally:
        os.close(descriptor)
    return False


def complete(ctx: Context, left: Callable[[Context], dict[str, str]] = unfinished) -> dict[str, str]:
    """Complete half-done packages, as long as `left` finds some, and return what it still finds."""
    for command in (CONFIGURE, REPAIR):
        if left(ctx):
            run(ctx, *command)
    return left(ctx)


def run(ctx: Context, *argv: str) -> None:
    """Run a package manager when apt's daily job has ended; the programs that it starts do not inherit the lock.

    A command that fails, or takes too long, raises nothing: the caller looks at the result, and the log has its output.
    """
    with contextlib.suppress(CommandError):
        ctx.shell.chroot("flock", "--close", "-w", str(PATIENCE), LOCK, *argv, timeout=LONGEST)
