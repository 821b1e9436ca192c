"""Sets the mode of a file on the volume in whose place a program inside may put something else meanwhile."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from zflow.api import opened

GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
"""What an open says of a file that was taken away meanwhile, or made a link or a socket."""


def tighten(path: Path, mode: int) -> None:
    """Set a file's or a folder's mode, reached without a link; nothing where it is gone."""
    try:
        with opened(path.parent) as folder:
            descriptor = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        if error.errno in GONE:
            return
        raise
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)
