"""Are zflow's folder and the journal a folder and files? Checked before either is used.

A link would lead SQLite to another file, even outside the volume; on a pipe it would wait without end. Standard library
only: the lock and the light reader check too.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from zflow import codes
from zflow.errors import OperatorError
from zflow.journal.layout import PARTS, home, journal_file

KINDS = ((stat.S_ISLNK, "a link"), (stat.S_ISDIR, "a folder"), (stat.S_ISREG, "a file"), (stat.S_ISFIFO, "a pipe"))


def check_ground(volume: Path) -> None:
    """Check before something is written. Raises what `check_home` and `check_kinds` raise."""
    check_home(volume)
    check_kinds(volume)


def check_home(volume: Path) -> None:
    """Raise OperatorError(NOT_A_FOLDER) where the path of zflow's folder is something else.

    OPEN_TO_OTHERS where others than root may write in it.
    """
    found = _folder(volume)
    if found is None:
        return
    group = stat.S_IWGRP if found.st_gid not in {0, os.getegid()} else 0
    if found.st_mode & (stat.S_IWOTH | group):
        raise OperatorError(codes.OPEN_TO_OTHERS, f"the mode of {home(volume)} is {stat.S_IMODE(found.st_mode):04o}")


def check_kinds(volume: Path) -> None:
    """Raise OperatorError(NOT_A_FOLDER, NOT_A_FILE) where the path of zflow's folder or the journal is something else.

    Enough before reading, which does no harm where others may write.
    """
    _folder(volume)
    file = journal_file(volume)
    for part in PARTS:
        found = _status(path := file.with_name(f"{file.name}{part}"))
        if found is not None and not stat.S_ISREG(found.st_mode):
            raise OperatorError(codes.NOT_A_FILE, f"{path} is {_kind(found.st_mode)}")


def _folder(volume: Path) -> os.stat_result | None:
    found = _status(home(volume))
    if found is not None and not stat.S_ISDIR(found.st_mode):
        raise OperatorError(codes.NOT_A_FOLDER, f"{home(volume)} is {_kind(found.st_mode)}")
    return found


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:  # it cannot be opened either, and that error is reported then
        return None


def _kind(mode: int) -> str:
    return next((words for is_so, words in KINDS if is_so(mode)), "a device or a socket")
