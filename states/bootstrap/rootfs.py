"""Moves the complete tree onto the volume by renames, so that after a kill the next start goes on.

Each entry of the staged tree is renamed to its path on the volume; an entry that has left the stage has arrived. The
mark is renamed last, to `etc/zflow-release`:

1. a kill before a rename: the entry is still in the stage, and the next start moves it;
2. a kill after it: the entry is no longer in the stage, and the next start does not look at it;
3. a kill before the mark's rename: only the mark is left to move;
4. a kill after it: Ubuntu is installed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from states.bootstrap import belonging, codes
from states.ubuntu.tree import RELEASE, defects, installed, staged, staged_mark, tree
from zflow.api import Context, Evidence, OperatorError, Step, sync_folder, sync_volume


def probe(ctx: Context) -> Evidence | None:
    """See whether the installation is finished, and its tree has no defects."""
    mark = installed(ctx)
    if mark is None:
        return None
    return Evidence(f"Ubuntu {mark.version} ({mark.codename}) on the volume, built {mark.built}")


def apply(ctx: Context) -> None:
    """Move what is still staged, then the mark. Raises OperatorError: DAMAGED, FOREIGN (another file in the way)."""
    if staged(ctx) is None:
        raise OperatorError(codes.DAMAGED, f"{ctx.volume}: {'; '.join(defects(ctx.volume))}")
    if tree(ctx).exists():
        ctx.progress.report(note="moving Ubuntu onto the volume")
        move_into(tree(ctx), ctx.volume)
    sync_volume(ctx.volume)
    staged_mark(ctx).rename(ctx.volume / RELEASE)
    sync_folder((ctx.volume / RELEASE).parent)
    belonging.restore_marks(ctx)


def move_into(source: Path, target: Path) -> None:
    """Rename the entries of `source` into `target`, merge folders that exist there, and remove `source`.

    Raises OperatorError(FOREIGN) for a file in the way: nothing in `target` is replaced.
    """
    for entry in sorted(source.iterdir()):
        arrival = target / entry.name
        if not os.path.lexists(arrival):
            entry.rename(arrival)
        elif _is_folder(entry) and _is_folder(arrival):
            if not arrival.is_mount():
                _take_attributes(entry, arrival)
            move_into(entry, arrival)
        else:
            raise OperatorError(codes.FOREIGN, f"{arrival} is in the way of the installation")
    source.rmdir()


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _take_attributes(source: Path, target: Path) -> None:
    status = source.stat()
    os.chown(target, status.st_uid, status.st_gid)
    shutil.copystat(source, target)


STEP = Step(
    name="bootstrap.rootfs",
    title="Install Ubuntu on the volume",
    probe=probe,
    apply=apply,
    timeout=300,
    weight=2,
    once=True,
)
