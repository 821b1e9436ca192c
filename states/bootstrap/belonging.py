"""Checks that the Ubuntu and zflow's folder on the volume belong to one server, also when a mark was lost.

zflow keeps a copy of the Ubuntu's mark (`etc/zflow-release`) in its own folder. A backup may lack either of them, or
hold the folder of another server. The check comes before anything is built or started.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from states.bootstrap import codes
from states.ubuntu import dpkg
from states.ubuntu.tree import RELEASE, STAGED, Mark, defects, os_release, read_mark
from zflow.api import Context, OperatorError, make_folder, stamp, write_atomic

COPY = Path(".zflow/zflow-release")
SIGNS = (".zflow/journal.sqlite3", "opt/zimbra")
"""One of these shows that a complete Ubuntu without its mark is zflow's, and not a foreign one."""
UNKNOWN = "not known, the mark was lost"


def lost(volume: Path) -> bool:
    """Tell whether this is a server of zflow's whose mark is lost: it is not foreign, and is not built again."""
    if read_mark(volume / RELEASE) or read_mark(volume / STAGED):
        return False
    return not defects(volume) and any((volume / each).exists() for each in SIGNS)


def admit(volume: Path) -> None:
    """Refuse a server that has lost its mark and the journal, from which the mark could be restored.

    Raises OperatorError(MARK_LOST) with the command that writes the mark.
    """
    if not lost(volume) or read_mark(volume / COPY) or (volume / SIGNS[0]).exists():
        return
    line = from_tree(volume, UNKNOWN).render()
    command = f"printf '%s' {shlex.quote(line)} > {shlex.quote(str(volume / RELEASE))}"
    raise OperatorError(codes.MARK_LOST, f"{volume} holds an Ubuntu {os_release(volume).get('VERSION_ID')}: {command}")


def from_tree(volume: Path, built: str) -> Mark:
    """Return the mark of an Ubuntu, made from its own files."""
    names = os_release(volume)
    return Mark(
        codename=names.get("UBUNTU_CODENAME", ""),
        version=names.get("VERSION_ID", ""),
        packages=len(dpkg.installed(volume)),
        source=UNKNOWN,
        built=built,
        entries=(),
    )


def agree(volume: Path) -> bool:
    """Tell whether the mark and its copy beside zflow's journal agree, or there is no Ubuntu yet."""
    mark = read_mark(volume / RELEASE)
    return not lost(volume) if mark is None else read_mark(volume / COPY) == mark


def restore_marks(ctx: Context) -> None:
    """Write the one of the two marks that is lost. Raises OperatorError(ANOTHERS) when they are of two servers."""
    mark, copy = read_mark(ctx.volume / RELEASE), read_mark(ctx.volume / COPY)
    if mark is None and lost(ctx.volume):
        mark = copy or from_tree(ctx.volume, f"before {stamp(ctx.clock())}")
        write_atomic(ctx.volume / RELEASE, mark.render())
    if mark is None or copy == mark:
        return
    if copy is not None:
        raise OperatorError(
            codes.ANOTHERS,
            f"{ctx.home} belongs to an Ubuntu {copy.version} built {copy.built}, but the volume "
            f"holds an Ubuntu {mark.version} built {mark.built}",
        )
    make_folder(ctx.home, 0o700)
    write_atomic(ctx.volume / COPY, mark.render(), mode=0o600)
