"""Moves the complete tree onto the volume by renames, so that a kill in the middle is simply continued.

Each entry of the staged tree is renamed to its place; what is not in the stage any more has arrived. The mark is
renamed last, to `etc/zflow-release`:

1. killed before a rename: the entry is still in the stage, the next start moves it;
2. killed after it: the entry is no longer in the stage and is not looked at again;
3. killed before the mark's rename: nothing is left to move, the mark is;
4. killed after it: installed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from states.bootstrap import belonging, codes
from states.ubuntu.tree import RELEASE, defects, installed, staged, staged_mark, tree
from zflow.api import Context, Evidence, OperatorError, Step, sync_folder, sync_volume


def probe(ctx: Context) -> Evidence | None:
    """See whether the installation is finished and its tree sound."""
    mark = installed(ctx)
    if mark is None:
        return None
    return Evidence(f"Ubuntu {mark.version} ({mark.codename}) on the volume, built {mark.built}")


def apply(ctx: Context) -> None:
    """Move what is still staged and commit. Raises OperatorError: DAMAGED, FOREIGN (a stranger's file in the way)."""
    if staged(ctx) is None:
        raise OperatorError(codes.DAMAGED, f"{ctx.volume}: {'; '.join(defects(ctx.volume))}")
    if tree(ctx).exists():
        ctx.progress.report(note="moving Ubuntu onto the volume")
        move_into(tree(ctx), ctx.volume)
    sync_volume(ctx.volume)
    staged_mark(ctx).rename(ctx.volume / RELEASE)
    sync_folder((ctx.volume / RELEASE).parent)
    belonging.mend(ctx)


def move_into(source: Path, target: Path) -> None:
    """Rename the entries of `source` into `target`, merging folders that exist there, and remove `source`.

    Nothing in `target` is replaced: raises OperatorError(FOREIGN) for a file in the way.
    """
    for entry in sorted(source.iterdir()):
        place = target / entry.name
        if not os.path.lexists(place):
            entry.rename(place)
        elif _is_folder(entry) and _is_folder(place):
            if not place.is_mount():
                _take_attributes(entry, place)
            move_into(entry, place)
        else:
            raise OperatorError(codes.FOREIGN, f"{place} is in the way of the installation")
    source.rmdir()


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _take_attributes(source: Path, target: Path) -> None:
    status = source.stat()
    os.chown(target, status.st_uid, status.st_gid)
    shutil.copystat(source, target)


STEP = Step(
    name="bootstrap.rootfs",
    title="Install Ubuntu onto the volume",
    probe=probe,
    apply=apply,
    timeout=300,
    weight=2,
    once=True,
)
