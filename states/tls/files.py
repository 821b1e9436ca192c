"""A file of the operator's as bytes, within bounds; what they mean is for `load`, which has the library for it."""

from __future__ import annotations

from pathlib import Path

from states.tls import codes
from zflow.api import OperatorError

LIMIT = 1 << 20
"""Bytes; the largest chain in use is a hundredth of it."""


def content(path: Path) -> bytes | None:
    """Return a file's content, None when there is no such file. Raises OperatorError(UNREADABLE)."""
    try:
        if not path.exists():
            return None
        if not path.is_file():
            raise OperatorError(codes.UNREADABLE, f"{path} is no file")
        with path.open("rb") as file:
            found = file.read(LIMIT + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OperatorError(codes.UNREADABLE, f"{path}: {error.strerror}") from error
    if len(found) > LIMIT:
        raise OperatorError(codes.UNREADABLE, f"{path} is larger than {LIMIT} bytes")
    return found
