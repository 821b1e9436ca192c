"""Tells a copied volume: two servers of one name would take each other's mail, and neither would know of the other.

A copy by files (cp, tar, rsync, a restored backup) gives every folder another inode; that is looked at against what was
written down at the last start. A copy by blocks keeps them and cannot be told from inside. A copy is legitimate, it may
be a restore: so it is said once, and the server starts.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from states.zimbra import rights
from states.zimbra.proof import proven
from zflow.api import Context, Evidence, Scope, Step, carrying, mounts, write_atomic

FOLDERS = (".zflow", "opt", "usr", "usr/share", "var/lib/dpkg")
"""Made once and never replaced, in an order in which nobody would copy them."""
UNSTEADY = ("fuse", "9p", "virtiofs", "overlay")
"""File systems, by the beginning of their name, whose inode numbers may change with each mount."""
WORDS = "this volume is a copy, its files lie elsewhere than at the last start"


@dataclass(frozen=True)
class Mark:
    """Where the folders lay at the last look; and the start at which they were found elsewhere, if there was one."""

    inodes: dict[str, int]
    copied: str = ""


def inodes(ctx: Context) -> dict[str, int]:
    """Return the inode of each folder; none on a file system that does not keep them."""
    mount = carrying(ctx.volume.resolve(), mounts())
    if mount is not None and mount.kind.startswith(UNSTEADY):
        return {}
    return {name: (ctx.volume / name).stat().st_ino for name in FOLDERS if (ctx.volume / name).is_dir()}


def moved(ctx: Context) -> bool:
    """Tell whether any folder lies elsewhere than when it was written down."""
    mark, now = _read(ctx), inodes(ctx)
    return mark is not None and any(mark.inodes.get(name, inode) != inode for name, inode in now.items())


def _file(ctx: Context) -> Path:
    return ctx.home / "volume.json"


def _read(ctx: Context) -> Mark | None:
    try:
        content = json.loads(_file(ctx).read_text())
        return Mark(dict(content["inodes"]), str(content["copied"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def probe(ctx: Context) -> Evidence | None:
    """See whether everything lies where it was written down; in the start that found a copy, say so."""
    mark = _read(ctx)
    if mark is None or moved(ctx) or (proven(ctx) and not rights.remembered(ctx)):
        return None
    if mark.copied != ctx.boot:
        return Evidence(f"{len(mark.inodes)} folders where they were")
    return Evidence(
        "written down again",
        (f"{WORDS}; where the original still serves, stop one of the two: both would take the same mail",),
    )


def apply(ctx: Context) -> None:
    """Write down where everything lies, and of a server that an earlier zflow installed its owners and rights."""
    if proven(ctx) and not rights.remembered(ctx):
        rights.remember(ctx)
    mark = Mark(inodes(ctx), ctx.boot if moved(ctx) else "")
    write_atomic(_file(ctx), json.dumps(asdict(mark)) + "\n", mode=0o600)


STEP = Step(
    name="install.origin",
    title="Tell a copied volume from the one installed",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=10,
)
