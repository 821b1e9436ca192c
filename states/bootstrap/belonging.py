"""Whether the Ubuntu and zflow's folder on the volume belong to one server, also when one of their marks was lost.

zflow keeps a copy of the Ubuntu's mark (`etc/zflow-release`) in its own folder. A backup may lack the one or the
other, or bring the folder of another server: that is seen here, before anything is built or started.
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
"""By these a whole Ubuntu without its mark is known as one of zflow's, and not as somebody's."""
UNKNOWN = "not known, the mark was lost"


def lost(volume: Path) -> bool:
    """Tell whether this is a server of ours whose mark is lost: it is neither foreign nor to be built over."""
    if read_mark(volume / RELEASE) or read_mark(volume / STAGED):
        return False
    return not defects(volume) and any((volume / each).exists() for each in SIGNS)


def admit(volume: Path) -> None:
    """Refuse a server whose mark and whose journal, by which the mark is found again, are lost: says how to write it.

    Raises OperatorError(MARK_LOST).
    """
    if not lost(volume) or read_mark(volume / COPY) or (volume / SIGNS[0]).exists():
        return
    line = found_again(volume, UNKNOWN).render()
    command = f"printf '%s' {shlex.quote(line)} > {shlex.quote(str(volume / RELEASE))}"
    raise OperatorError(codes.MARK_LOST, f"{volume} holds an Ubuntu {os_release(volume).get('VERSION_ID')}: {command}")


def found_again(volume: Path, built: str) -> Mark:
    """Return the mark of an Ubuntu by what it says itself."""
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
    """Tell whether the mark is there, with its copy beside zflow's journal, or there is no Ubuntu yet."""
    mark = read_mark(volume / RELEASE)
    return not lost(volume) if mark is None else read_mark(volume / COPY) == mark


def mend(ctx: Context) -> None:
    """Put back what is lost of the two marks. Raises OperatorError(ANOTHERS) when they tell of two servers."""
    mark, copy = read_mark(ctx.volume / RELEASE), read_mark(ctx.volume / COPY)
    if mark is None and lost(ctx.volume):
        mark = copy or found_again(ctx.volume, f"before {stamp(ctx.clock())}")
        write_atomic(ctx.volume / RELEASE, mark.render())
    if mark is None or copy == mark:
        return
    if copy is not None:
        raise OperatorError(
            codes.ANOTHERS,
            f"{ctx.home} tells of an Ubuntu {copy.version} built {copy.built}, the volume has Ubuntu {mark.version} "
            f"built {mark.built}",
        )
    make_folder(ctx.home, 0o700)
    write_atomic(ctx.volume / COPY, mark.render(), mode=0o600)
