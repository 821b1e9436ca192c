"""Where the folders of the volume lie: a copy by files (cp, tar, rsync, a restored backup) gives each another inode."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from states.zimbra import marks
from zflow.api import Context, carrying, mounts

FOLDERS = (".zflow", "opt", "usr", "usr/share", "var/lib/dpkg")
"""Created once and never replaced; no copy creates them in this order."""
UNSTEADY = ("fuse", "9p", "virtiofs", "overlay")
"""File systems, by the beginning of their name, whose inode numbers may change with each mount."""
WORDS = "this volume is a copy: its files have other inodes than at the last start"


@dataclass(frozen=True)
class Mark:
    """Where the folders lay at the last look; and the start at which they were found elsewhere, if there was one."""

    inodes: dict[str, int]
    copied: str


def inodes(ctx: Context) -> dict[str, int]:
    """Return the inode of each folder; none on a file system that does not keep them."""
    mount = carrying(ctx.volume.resolve(), mounts())
    if mount is not None and mount.kind.startswith(UNSTEADY):
        return {}
    return {name: (ctx.volume / name).stat().st_ino for name in FOLDERS if (ctx.volume / name).is_dir()}


def moved(ctx: Context) -> bool:
    """Tell whether any folder lies elsewhere than when it was written down."""
    mark, now = recorded(ctx), inodes(ctx)
    return mark is not None and any(mark.inodes.get(name, inode) != inode for name, inode in now.items())


def _file(ctx: Context) -> Path:
    return ctx.home / "volume.json"


def recorded(ctx: Context) -> Mark | None:
    """Return what was written down at the last start."""
    return marks.load(_file(ctx), Mark)


def record(ctx: Context) -> None:
    """Write down where the folders lie now, and the start that found them elsewhere."""
    marks.save(_file(ctx), Mark(inodes(ctx), ctx.boot if moved(ctx) else ""))
