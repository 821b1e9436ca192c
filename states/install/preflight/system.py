"""Checks of what the installer is given to work on: the release, the packages, the file system."""

from __future__ import annotations

import errno
import os
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

from states.install.preflight.finding import Finding, Look
from states.ubuntu import dpkg
from states.ubuntu.mounts import harmful_options
from states.zimbra import source
from states.zimbra.archive import wanted
from states.zimbra.release import chosen
from zflow.api import OperatorError, mounts_below

PREREQUISITES = {
    "adduser": "packages create their users with it",
    "ca-certificates": "the vendor's package source is read over TLS",
    "cron": "the server's jobs need it",
    "debconf": "packages are configured with it",
    "iproute2": "the server's addresses are read with it",
    "logrotate": "it rotates the server's logs",
    "lsb-release": "install.sh asks it for the platform",
    "net-tools": "zmsetup.pl runs ifconfig and netstat",
    "perl": "the installers are written in it",
    "procps": "zmcontrol runs ps",
    "rsyslog": "the server logs through it",
    "sudo": "privileged servers are started with it",
}
"""What must be there before install.sh, which would not say so (docs/zimbra.md §6.3)."""
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
"""NET_BIND_SERVICE, permitted and effective, as struct vfs_cap_data of revision 2; linux/capability.h."""
HOME = Path("opt/zimbra")


def release(look: Look) -> Iterator[Finding]:
    """See that the release is fully named, and is there where it is a file."""
    try:
        archive = wanted(look.ctx)
    except OperatorError as error:
        yield Finding(error.detail)
        return
    if archive.local and not Path(archive.place).is_file():
        yield Finding(f"there is no file {archive.place} inside the container")


def package_sources(look: Look) -> Iterator[Finding]:
    """See that package sources which are folders are there, as seen from inside the Ubuntu."""
    for each in source.sources(look.ctx):
        folder = each.removeprefix("file:").lstrip("/")
        if each.startswith("file:") and not (look.ctx.volume / folder).is_dir():
            yield Finding(f"the package source {each} is not a folder in the Ubuntu: /data/{folder}")


def packages(look: Look) -> Iterator[Finding]:
    """See that what the installers call is installed; an Ubuntu from an archive of one's own may lack it.

    Not once the installer has begun: dpkg, cut off in the middle, calls packages unfinished that it finishes next.
    """
    if look.begun:
        return
    for name in sorted(set(PREREQUISITES) - dpkg.installed(look.ctx.volume)):
        yield Finding(
            f"the package {name} is missing ({PREREQUISITES[name]}): `zflow shell apt-get install --yes {name}`"
        )


def home(look: Look) -> Iterator[Finding]:
    """See that /opt/zimbra can be filled and, after a failure, emptied by the installer without harm."""
    opt, place = look.ctx.volume / "opt", look.ctx.volume / HOME
    for path in (opt, place):
        if path.is_symlink():
            yield Finding(f"/{path.relative_to(look.ctx.volume)} is a symbolic link, which the installer refuses")
        elif path.is_mount() and (harmful := harmful_options(path)):
            options = ", ".join(sorted(harmful))
            yield Finding(f"{path} is mounted with {options}, which the server cannot run with: mount it without")
    if not look.begun and place.is_dir():
        for mount in mounts_below(place):
            if mount != place and any(mount.iterdir()):
                yield Finding(f"{mount} is a mount that holds files: the installer empties it; mount it afterwards")


def file_capabilities(look: Look) -> Iterator[Finding]:
    """Give a file without a name the capability that releases from 10.0 on give to slapd and nginx."""
    if not chosen(look.ctx).file_capabilities:
        return
    folder = next(each for each in (look.ctx.volume / HOME, look.ctx.volume / "opt", look.ctx.volume) if each.is_dir())
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            os.setxattr(file.fileno(), "security.capability", CAPABILITY)
    except OSError as error:
        if error.errno == errno.EPERM:
            yield Finding("file capabilities cannot be set, which this release needs: start with --cap-add SETFCAP")
        else:
            yield Finding(
                f"the file system of the volume takes no file capabilities, which this release needs: {error.strerror}"
            )
