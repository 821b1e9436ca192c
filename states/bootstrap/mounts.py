"""Mounts the container's /proc, /sys and /dev into the Ubuntu on the volume, and a new /run, at every start.

The container's own mounts are bound recursively: what its engine masked or made read-only in /proc and /sys stays so
inside. They are slaves: an unmount inside has no effect outside. /run is a new tmpfs, because process ids and sockets
of an earlier container are not valid any more.
"""

from __future__ import annotations

import os
from pathlib import Path

from states.bootstrap import codes
from states.ubuntu.mounts import unmount
from zflow.api import CommandError, Context, Evidence, Mount, OperatorError, Scope, Step, mounts

BOUND = ("proc", "sys", "dev")
FSTAB = Path("/run/zflow/fstab")
"""The missing mounts, for one call of mount(8). In memory: nobody needs the file once it is read."""
RUN_OPTIONS = "mode=0755,nosuid,nodev,size=256m"
RUN_FOLDERS = (("lock", 0o1777), ("user", 0o755), ("resolvconf", 0o755), ("resolvconf/interface", 0o755))
"""Folders that packages expect in /run; elsewhere systemd-tmpfiles makes them: Debian policy 9.1.4, resolvconf(8)."""
REFUSALS = ("denied", "not permitted", "superuser")
"""Words of mount(8) for EPERM and EACCES."""
LOG = Path("/dev/log")
"""rsyslog's socket (syslog(3)); it cannot make its own where another one is mounted."""
FOLDERS = ((".", 0o755), ("tmp", 0o1777))
"""The volume's own folder is the / of every service: others must be able to enter it, and only root may write."""


def probe(ctx: Context) -> Evidence | None:
    """See whether everything is mounted, down to each mask of the container's /proc and /sys."""
    table, volume = mounts(), ctx.volume.resolve()
    if (
        any(mount.point == LOG for mount in table)
        or any(missing(name, volume, table) for name in BOUND)
        or not has_run(volume, table)
    ):
        return None
    if any(attributes(volume / name) != (0, mode) for name, mode in FOLDERS):
        return None
    inside = sum(volume in mount.point.parents for mount in table)
    return Evidence(f"/proc, /sys, /dev and a new /run, {inside} mounts")


def missing(name: str, volume: Path, table: list[Mount]) -> set[Path]:
    """Return which of the container's mounts at /NAME or inside it have no counterpart inside the volume."""
    outside = Path("/", name)
    wanted = {mount.point for mount in table if mount.point == outside or outside in mount.point.parents}
    points = {mount.point for mount in table}
    return {each for each in wanted | {outside} if volume / each.relative_to("/") not in points}


def attributes(folder: Path) -> tuple[int, int] | None:
    """Return owner and mode of a folder; None when there is no such folder."""
    try:
        status = folder.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return (status.st_uid, status.st_mode & 0o7777) if folder.is_dir() else None


def in_memory(volume: Path, table: list[Mount]) -> bool:
    """Tell whether /run is a file system in memory."""
    return any(mount.point == volume / "run" and mount.kind == "tmpfs" for mount in table)


def has_run(volume: Path, table: list[Mount]) -> bool:
    """Tell whether /run is a file system in memory with its folders."""
    return in_memory(volume, table) and all((volume / "run" / name).is_dir() for name, _ in RUN_FOLDERS)


def apply(ctx: Context) -> None:
    """Mount what is missing. Raises OperatorError: CAPABILITY when the container may not mount, LOG_BOUND."""
    volume, table = ctx.volume.resolve(), mounts()
    if any(mount.point == LOG for mount in table):
        raise OperatorError(codes.LOG_BOUND, f"{LOG} is a mount")
    due = [name for name in BOUND if missing(name, volume, table)]
    lines = [f"/{name} {escaped(volume / name)} none rbind,rslave\n" for name in due]
    if not in_memory(volume, table):
        lines.append(f"tmpfs {escaped(volume / 'run')} tmpfs {RUN_OPTIONS}\n")
    try:
        for name in due:
            make_way(ctx, volume / name)
        if lines:
            FSTAB.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            FSTAB.write_text("".join(lines))
            ctx.shell.run("mount", "--all", "--fstab", str(FSTAB))
    except CommandError as error:
        refusals = [line for line in error.tail.splitlines() if any(word in line for word in REFUSALS)]
        if refusals:
            raise OperatorError(codes.CAPABILITY, refusals[0]) from error
        raise
    for name, mode in RUN_FOLDERS:
        (volume / "run" / name).mkdir(exist_ok=True)
        (volume / "run" / name).chmod(mode)
    for name, mode in FOLDERS:
        (volume / name).mkdir(exist_ok=True)
        os.chown(volume / name, 0, 0)
        (volume / name).chmod(mode)


def make_way(ctx: Context, target: Path) -> None:
    """Unmount what an interrupted attempt left at a mount point, and make the folder."""
    if any(mount.point == target for mount in mounts()):
        ctx.shell.run("mount", "--make-rslave", str(target))
    for mount in reversed(mounts()):
        if mount.point == target or target in mount.point.parents:
            unmount(ctx, mount.point)
    target.mkdir(exist_ok=True)


def escaped(path: Path) -> str:
    """Return a path as fstab(5) has it."""
    return str(path).replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011")


STEP = Step(
    name="bootstrap.mounts",
    title="Mount the container's system folders into Ubuntu",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=60,
)
