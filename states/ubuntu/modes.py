"""Sets the mode of a file on the volume that a program inside may replace at the same time."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from zflow.api import opened

GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
"""Errors of an open where the file was removed meanwhile, or replaced by a link or a socket."""


def tighten(path: Path, mode: int) -> None:
    """Set the mode of a file or a folder, reached without a link; do nothing where it is gone."""
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
