"""One runner and one walker a volume: kernel locks that end with their process, and say who holds them.

The lock is on a file of its own, taken before the journal is opened, and never inherited: Python opens files
close-on-exec, so a command that outlives a killed walker does not keep its lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from zflow import codes
from zflow.boot import boot_identity, start_time
from zflow.errors import OperatorError
from zflow.journal.layout import home

TYPE_CHECKING = False
if TYPE_CHECKING:  # read by mypy alone: the supervisor would hold half a MiB of typing for ever
    from typing import IO

RUNNER = "runner.lock"
"""Held by `zflow run` for as long as it lives."""
WALKER = "walker.lock"
"""Held by whoever writes the journal."""

ROOM = 160
"""Bytes of a lock's file."""
MOMENT = 0.5
"""Seconds that a new holder has to say its name."""


class Holder:
    """Who holds a lock: a process of one start of the container, told apart from a later one with the same number."""

    def __init__(self, pid: int, started: int, boot: str) -> None:
        self.pid = pid
        self.started = started
        self.boot = boot

    @property
    def alive(self) -> bool:
        """Whether that very process runs in this container now."""
        return self.boot == boot_identity() and self.started != 0 and start_time(self.pid) == self.started


def holder(volume: Path, name: str) -> Holder | None:
    """Return who holds the lock, or died holding it, without touching it; None when it was let go."""
    try:
        return Holder(**json.loads((home(volume) / name).read_text()))
    except (OSError, ValueError, TypeError):
        return None


@contextlib.contextmanager
def held(volume: Path, name: str, patience: float = 0.0) -> Iterator[None]:
    """Hold a lock; try for `patience` seconds. Raises OperatorError(HELD), which names the holder."""
    path = home(volume) / name
    deadline = time.monotonic() + patience
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise OperatorError(codes.NO_JOURNAL, f"there is no {path.parent}") from None
    except OSError as error:
        raise OperatorError(codes.VOLUME_READ_ONLY, f"{path}: {error.strerror}") from error
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        while not _locked(file.fileno()):
            if time.monotonic() >= deadline:
                raise OperatorError(codes.HELD, _described(_introduced(volume, name)))
            time.sleep(0.05)
        name_of_ours = json.dumps(vars(Holder(os.getpid(), start_time(os.getpid()), boot_identity())))
        _write(file, path, name_of_ours)
        try:
            yield
        finally:
            _write(file, path, "")


def _write(file: IO[bytes], path: Path, text: str) -> None:
    """Write over what the file holds, always the same number of bytes: on a full volume there is room for that."""
    file.seek(0)
    try:
        file.write(text.ljust(ROOM).encode())
    except OSError as error:
        raise OperatorError(codes.DISK_FULL, f"{path}: {error.strerror}") from error


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _introduced(volume: Path, name: str) -> Holder | None:
    """Return the holder; one that has just taken the lock is given a moment to write its name over the last one's."""
    deadline = time.monotonic() + MOMENT
    while (found := holder(volume, name)) is None or not found.alive:
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return found


def _described(found: Holder | None) -> str:
    if found is None or (found.boot == boot_identity() and not found.alive):
        return "its holder has not said its name yet"
    if found.alive:
        return f"process {found.pid} of this container"
    return f"process {found.pid} of another container (start {found.boot})"
