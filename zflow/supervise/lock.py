"""One supervisor and one walker for each volume: kernel locks that end with their process.

Only the kernel says whether a lock is held; its answer holds across containers. The content of the lock's file only
names the holder: a process of this container, which can be woken, or one of another container, which forbids writes.

Each lock has its own file, is taken before the journal is opened, and is never inherited: Python opens files
close-on-exec, so a command that outlives a killed walker does not keep its lock.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from zflow import codes
from zflow.errors import OperatorError
from zflow.host.boot import boot_identity, room
from zflow.host.proc import start_time
from zflow.journal.ground import check_home
from zflow.journal.layout import home

TYPE_CHECKING = False
if TYPE_CHECKING:  # for mypy alone: typing would cost the supervisor half a MiB
    from typing import IO

RUNNER = "runner.lock"
"""Held by the supervisor, `zflow run`, as long as it lives."""
WALKER = "walker.lock"
"""Held by the process that writes the journal."""
HAND = "hand.lock"
"""Held by a command that changes the volume without the journal, when no supervisor of its container holds it."""

ROOM = 160
"""Bytes of a lock's file."""
MOMENT = 0.5
"""Seconds that a new holder has to write its name for a process that is refused."""
BLINK = 0.05
"""Seconds that it has to write its name for a process that only asks."""


class Holder:
    """The process that holds a lock, with its start, because a later process may get the same number."""

    def __init__(self, pid: int, started: int, boot: str, room: str = "") -> None:
        self.pid = pid
        self.started = started
        self.boot = boot
        self.room = room

    @property
    def alive(self) -> bool:
        """Whether this very process runs in this container now."""
        return (self.room, self.boot) == _here() and self.started != 0 and start_time(self.pid) == self.started


def named(pid: int) -> Holder:
    """Return a process of this container as a holder."""
    here, boot = _here()
    return Holder(pid, start_time(pid), boot, here)


HERE: list[tuple[str, str]] = []
"""The namespaces and the start of the container of this process, read once: they never change."""


def _here() -> tuple[str, str]:
    if not HERE:
        HERE.append((room(), boot_identity()))
    return HERE[0]


UNKNOWN = Holder(0, 0, "")
"""A holder whose name cannot be read; not a process of this container."""


def holder(volume: Path, name: str) -> Holder | None:
    """Return who holds the lock now, without taking it; None when it is free, or when there is no lock to hold."""
    try:
        descriptor = os.open(home(volume) / name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _introduced(descriptor, BLINK) if _taken(descriptor) else None
    except OSError:
        return None
    finally:
        os.close(descriptor)


def elsewhere(volume: Path) -> Holder | None:
    """Return who holds the volume in another container: its supervisor, its walker or a command."""
    for name in (RUNNER, WALKER, HAND):
        found = holder(volume, name)
        if found is not None and not found.alive:
            return found
    return None


def permit(volume: Path, patience: float = 0.0) -> None:
    """Check that this container may write to the volume. Raises OperatorError(HELD) when another one holds it."""
    deadline = time.monotonic() + patience
    while (found := elsewhere(volume)) is not None:
        if time.monotonic() >= deadline:
            raise OperatorError(codes.HELD, _described(found))
        time.sleep(0.05)


@contextlib.contextmanager
def writing(volume: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the journal's lock, as every writer does; try for `patience` seconds.

    A supervisor takes its own lock before it checks this one, and here it is the other way round: of two containers
    that start at the same time, at least one sees the other. Raises what `permit` and `held` do.
    """
    permit(volume)
    with held(volume, WALKER, patience):
        permit(volume)
        yield


@contextlib.contextmanager
def working(volume: Path) -> Iterator[None]:
    """Keep other containers away from the volume while a command without the journal's lock works.

    A lock that this container already holds is enough. On a volume where no lock can be made the command works without
    one: it may be there to repair the volume. Raises OperatorError(HELD).
    """
    permit(volume)
    with contextlib.ExitStack() as stack:
        if holder(volume, RUNNER) is None and holder(volume, HAND) is None:
            try:
                stack.enter_context(held(volume, HAND))
            except OperatorError as error:
                if error.code in codes.HOLDING:
                    raise
            permit(volume)
        yield


@contextlib.contextmanager
def held(volume: Path, name: str, patience: float = 0.0) -> Iterator[int]:
    """Hold a lock, and give its descriptor; try for `patience` seconds.

    Raises OperatorError: HELD, or UNDER_WAY for a walk in this container, with the holder; NO_JOURNAL, NO_LOCKS,
    NOT_A_FILE, VOLUME_READ_ONLY, DISK_FULL or NO_INODES when the lock cannot be taken; what `check_home` raises.
    """
    path = home(volume) / name
    with os.fdopen(_opened(path), "r+b", buffering=0) as file:
        _take(file.fileno(), path, name, patience)
        _write(file, path, json.dumps(vars(named(os.getpid()))))
        try:
            yield file.fileno()
        finally:
            with contextlib.suppress(OperatorError):  # a name that stays in the file of a free lock does no harm
                _write(file, path, "")


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    check_home(path.parent.parent)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        raise OperatorError(codes.NO_JOURNAL, f"there is no {path.parent}") from None
    except OSError as error:
        if error.errno in {errno.EISDIR, errno.ELOOP, errno.ENXIO}:
            raise OperatorError(codes.NOT_A_FILE, f"{path}: {error.strerror}") from error
        raise OperatorError(
            codes.meant(error, path.parent.parent) or codes.VOLUME_READ_ONLY, f"{path}: {error.strerror}"
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OperatorError(codes.NOT_A_FILE, f"{path} is a pipe or a device")
    return descriptor


def _take(descriptor: int, path: Path, name: str, patience: float) -> None:
    """Take the exclusive lock. A process that only asks delays nobody; a holder is named in the error."""
    began = time.monotonic()
    try:
        while not _locked(descriptor):
            waited = time.monotonic() - began
            if waited >= (patience if _taken(descriptor) else max(patience, MOMENT)):
                found = _introduced(descriptor, MOMENT)
                walks = name == WALKER and found.alive
                raise OperatorError(codes.UNDER_WAY if walks else codes.HELD, _described(found))
            time.sleep(0.05 if waited < patience else 0.001)
    except OSError as error:
        raise OperatorError(codes.NO_LOCKS, f"{path}: {error.strerror}") from error


def _write(file: IO[bytes], path: Path, text: str) -> None:
    """Overwrite the file with the same number of bytes as before: a full volume has room for that."""
    file.seek(0)
    try:
        file.write(text.ljust(ROOM).encode())
    except OSError as error:
        code = codes.meant(error, path.parent.parent) or codes.DISK_FULL
        raise OperatorError(code, f"{path}: {error.strerror}") from error


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _taken(descriptor: int) -> bool:
    """Tell whether a process holds the exclusive lock; several processes may ask at the same time."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _introduced(descriptor: int, patience: float) -> Holder:
    """Return the holder. A process that has just taken the lock gets a moment to replace the previous name."""
    deadline = time.monotonic() + patience
    while not (found := _name(descriptor)).alive and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def _name(descriptor: int) -> Holder:
    try:
        return Holder(**json.loads(os.pread(descriptor, 2 * ROOM, 0)))
    except (OSError, ValueError, TypeError):
        return UNKNOWN


def _described(found: Holder) -> str:
    if found.alive:
        return f"process {found.pid} of this container"
    if found.pid == 0 or (found.room, found.boot) == _here():
        return "holder unknown"
    return f"process {found.pid} of another container (start {found.boot})"
