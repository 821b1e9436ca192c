"""Checks before the first write that the volume is zflow's or empty, and that a system can run on it here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from states.bootstrap import belonging, codes
from states.ubuntu.mounts import harmful_options
from states.ubuntu.tree import RELEASE, STAGED, read_mark, staged, tree
from zflow.api import NO_INODES, Context, Evidence, OperatorError, Scope, Step, carrying, mounts

OURS = frozenset({".zflow", "lost+found", "app"})
"""Names that may lie on an empty volume: the journal, the file system's own, the operator's folder."""
PROCESSOR = "x86_64"
"""Zimbra's packages are built for no other: `deb [arch=amd64]`, docs/zimbra.md §1.4."""
LIFTED = frozenset({"noexec", "nosuid"})
"""Mount options that an engine adds to a plain volume (Podman: nosuid). `ro` is the operator's decision."""
ROOM = 1 << 30
"""Bytes that must be free before a build: a suite takes 220 to 260 MB, and its packages 80 MB."""
INODES = 14_000
"""Inodes that must be free before a build: a finished 18.04 has 12,351 files and folders (`tar tf | wc -l`), and the
build needs more for its packages and dpkg's own files."""


def admit(volume: Path) -> None:
    """Refuse a volume that cannot be used, and write nothing on it: it may belong to somebody else.

    Raises OperatorError: MACHINE, MOUNT_OPTIONS, MARK_LOST or FOREIGN.
    """
    if (here := processor()) != PROCESSOR:
        raise OperatorError(codes.MACHINE, f"this machine is {here}")
    refused = lift(volume)
    if options := harmful_options(volume):
        raise OperatorError(codes.MOUNT_OPTIONS, f"{volume} is mounted with {', '.join(sorted(options))}{refused}")
    belonging.admit(volume)
    if names := strangers(volume):
        listed = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        raise OperatorError(codes.FOREIGN, f"{volume} holds {listed}")


def probe(ctx: Context) -> Evidence | None:
    """See whether the volume can be used, without writing."""
    if processor() != PROCESSOR or harmful_options(ctx.volume) or not belonging.agree(ctx.volume):
        return None
    if strangers(ctx.volume) or lacking_room(ctx) or lacking_inodes(ctx):
        return None
    if mark := read_mark(ctx.volume / RELEASE):
        return Evidence(f"the volume holds zflow's Ubuntu {mark.version}, built {mark.built}")
    return Evidence(f"the volume is empty or zflow's, {_mib(shutil.disk_usage(ctx.volume).free)} free")


def apply(ctx: Context) -> None:
    """Restore a lost mark, or refuse the volume.

    Raises what `admit` raises, and OperatorError: ANOTHERS, SPACE or NO_INODES.
    """
    admit(ctx.volume)
    belonging.restore_marks(ctx)
    if missing := lacking_room(ctx):
        raise OperatorError(codes.SPACE, f"{ctx.volume} needs {_mib(missing)} more")
    if missing := lacking_inodes(ctx):
        raise OperatorError(NO_INODES, f"{ctx.volume} needs {missing} more inodes")


def processor() -> str:
    """Return the kernel's name of the processor; an emulated one counts as the one that it emulates."""
    return os.uname().machine


def lift(volume: Path) -> str:
    """Allow programs on the volume's mount, if it is this container's own; return the reason if that failed."""
    point = volume.resolve()
    mount = carrying(point, mounts())
    if mount is None or mount.point != point or "ro" in mount.options or not mount.options & LIFTED:
        return ""
    argv = ["mount", "-o", "remount,bind,dev,suid,exec", str(point)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    reason, _, _ = done.stderr.partition("\n")
    return f"; {reason}" if done.returncode else ""


def strangers(volume: Path) -> list[str]:
    """Return the names on the volume that are neither zflow's nor folders that only lead to a mount.

    On a finished installation there are none: all files are the system's and its operator's.
    """
    if read_mark(volume / RELEASE) or belonging.lost(volume):
        return []
    mark = read_mark(volume / STAGED)
    allowed = OURS | set(mark.entries if mark else ())
    points = {mount.point for mount in mounts()}
    listed = volume.resolve().iterdir()
    return sorted(each.name for each in listed if each.name not in allowed and not _hollow(each, points))


def lacking_room(ctx: Context) -> int:
    """Return how many bytes the build lacks; 0 when it has begun, because its own files take the space then."""
    return 0 if _begun(ctx) else max(0, ROOM - shutil.disk_usage(ctx.volume).free)


def lacking_inodes(ctx: Context) -> int:
    """Return how many inodes it lacks; a file system without a count has as many as are wanted (statvfs(3))."""
    room = os.statvfs(ctx.volume)
    return 0 if room.f_files == 0 or _begun(ctx) else max(0, INODES - room.f_favail)


def _begun(ctx: Context) -> bool:
    return read_mark(ctx.volume / RELEASE) is not None or staged(ctx) is not None or tree(ctx).exists()


def _hollow(path: Path, points: set[Path]) -> bool:
    if path in points:
        return True
    return not path.is_symlink() and path.is_dir() and all(_hollow(each, points) for each in path.iterdir())


def _mib(size: int) -> str:
    return f"{size >> 20} MiB"


STEP = Step(
    name="bootstrap.volume",
    title="Check the volume",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    retry="never",
    timeout=30,
)
