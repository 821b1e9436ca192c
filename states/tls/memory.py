"""Files in memory and in no folder, for programs that take a path only; user zimbra cannot exchange them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unnamed(data: bytes) -> Iterator[int]:
    """Yield the descriptor of a file with that content."""
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
