"""A file of the operator's as bytes, within bounds; what they mean is for `load`, which has the library for it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from states.tls import codes
from zflow.api import OperatorError

LIMIT = 1 << 20
"""Bytes; the largest chain in use is a hundredth of it."""
ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What the kernel says of a path that leads to no file."""


def content(path: Path, *, named: bool = False) -> bytes | None:
    """Return a file's content, None when there is no such file, which is an error for a `named` one and for a link.

    Raises OperatorError(MISSING or UNREADABLE).
    """
    try:
        if not path.is_file() and path.stat():
            raise OperatorError(codes.UNREADABLE, f"{path} is not a regular file")
        with path.open("rb") as file:
            found = file.read(LIMIT + 1)
    except OSError as error:
        if error.errno not in ABSENT:
            raise OperatorError(codes.UNREADABLE, f"{path}: {error.strerror}") from error
        if (gap := _gap(path)) is not None:
            raise OperatorError(codes.MISSING, gap) from error
        if named:
            raise OperatorError(codes.MISSING, f"{path}: there is no such file") from error
        return None
    if len(found) > LIMIT:
        raise OperatorError(codes.UNREADABLE, f"{path} is larger than {LIMIT} bytes")
    return found


def _gap(path: Path) -> str | None:
    """Return which link on the way to a file leads nowhere, in words; None when none does."""
    try:
        for place in (*reversed(path.parents), path):
            if place.is_symlink() and not os.path.exists(place):  # noqa: PTH110 - Path.exists raises for what it may not see
                return f"{path}: the link {place} leads to {place.readlink()}, which is not there"
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None


@contextmanager
def unnamed(data: bytes) -> Iterator[int]:
    """Yield a file that is in memory and in no folder, for `shown`; user zimbra can exchange nothing of it."""
    descriptor = os.memfd_create("zflow")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(data)
        yield descriptor
    finally:
        os.close(descriptor)


def shown(descriptor: int) -> str:
    """Return the path by which a process that has a descriptor opens its file from the beginning."""
    return f"/proc/self/fd/{descriptor}"


def replaced(path: Path) -> bool:
    """Tell whether a file is seen that its folder no longer has: mounted by itself, and replaced where it is from."""
    try:
        return path.stat().st_nlink == 0
    except OSError:
        return False
