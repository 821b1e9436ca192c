"""Durable files: written beside their path, synced, renamed, the folder synced. The one way states write files.

Programs inside the Ubuntu may replace a folder by a link, also while zflow writes; outside the Ubuntu the link may lead
out of the volume. So zflow follows no link on the way to a file: each folder is opened within the one before it, and
the last descriptor is used, even if that folder was moved meanwhile.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:  # for mypy alone: `zflow status` and the supervisor read files too, and have to stay light
    from typing import Any, TypeVar

    T = TypeVar("T")

LARGEST = 64 << 20
"""The most bytes of a file that zflow reads; it needs no longer ones."""


@contextlib.contextmanager
def opened(folder: Path, *, make: int | None = None) -> Iterator[int]:
    """Open a folder without following a link on the way, and yield its descriptor.

    `make` is the mode with which missing folders are made. Raises NotADirectoryError for a link or a file on the way.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open("/", flags)
    try:
        for part in folder.absolute().parts[1:]:
            if make is not None:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, make, dir_fd=descriptor)
            try:
                inner = os.open(part, flags, dir_fd=descriptor)
            except OSError as error:
                raise OSError(error.errno, f"{error.strerror}: {part!r}", str(folder)) from None
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def make_folder(folder: Path, mode: int = 0o755) -> None:
    """Make a folder and its parents, if they are missing. Raises NotADirectoryError as `opened` does."""
    with opened(folder, make=mode):
        pass


def write_atomic(path: Path, content: str | bytes, *, mode: int = 0o644, owner: tuple[int, int] | None = None) -> None:
    """Replace the content of `path` so that a reader, or a power cut, finds either the old content or the new.

    A symbolic link at `path` is replaced, never followed; one on the way is a NotADirectoryError. `owner` is
    (uid, gid).
    """
    data = content.encode() if isinstance(content, str) else content
    beside = f".{path.name}.zflow-new"
    with opened(path.parent) as folder:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside, dir_fd=folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(beside, flags, 0o600, dir_fd=folder), "wb") as file:
            file.write(data)
            if owner is not None:
                os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.rename(beside, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)


def remove_file(path: Path) -> None:
    """Remove a file or a link, if it exists. Raises NotADirectoryError for a link on the way."""
    with contextlib.suppress(FileNotFoundError), opened(path.parent) as folder:
        os.unlink(path.name, dir_fd=folder)


def read_bytes(path: Path) -> bytes:
    """Return the content of a regular file, reached without a link.

    Raises OSError for links, pipes and devices, with which a program inside the Ubuntu could make zflow wait or read
    another file, and for a file larger than LARGEST.
    """
    with opened(path.parent) as folder:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path.name, flags, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            raise OSError(errno.EINVAL, "not a regular file, or too large", str(path))
        return file.read(LARGEST)


def read_text(path: Path) -> str:
    """Return the content as text, read by `read_bytes`; bytes that are not UTF-8 become the replacement character."""
    return read_bytes(path).decode(errors="replace")


def text_of(path: Path) -> str:
    """Return what `read_text` does; empty for what is missing or is not read."""
    try:
        return read_text(path)
    except OSError:
        return ""


def read_json(path: Path, parse: Callable[[Any], T]) -> T | None:
    """Return what `parse` makes of the JSON in a file; None where the file is missing, damaged or of another shape.

    A ValueError, KeyError, TypeError or AttributeError of `parse` means another shape. `lambda found: Mark(**found)`
    makes a dataclass, `dict` a plain dictionary. The file is read by `read_bytes`.
    """
    try:
        return parse(json.loads(read_bytes(path)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def edited(data: bytes) -> str:
    """Return the text of a file that a person edited, without the byte order mark and the CRs of some editors.

    Raises ValueError for bytes that are not UTF-8; the message names their position, and nothing of the content.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError("it is UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"byte {error.start + 1}, in line {line}, is not UTF-8; save it as UTF-8") from None


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_volume(folder: Path) -> None:
    """Make everything durable that was written to the file system of `folder` (syncfs(2), which Python lacks)."""
    import ctypes  # the light commands read files and never come here

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error), str(folder))
    finally:
        os.close(descriptor)


def holds(path: Path, content: str | bytes) -> bool:
    """Tell whether `path` is a regular file with exactly this content."""
    data = content.encode() if isinstance(content, str) else content
    try:
        return read_bytes(path) == data
    except OSError:
        return False


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex, read in pieces."""
    import hashlib  # with OpenSSL, which the light commands do not load

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_tree(path: Path) -> None:
    """Remove a folder with its content, or what else is at its path, if it exists.

    Raises OSError when something is mounted in it: a removal through a bind mount would empty its source.
    """
    import shutil  # the light commands remove no tree

    from zflow.host import mounts

    if mounted := mounts.below(path.absolute()):
        raise OSError(f"{mounted[0]} is a mount; unmount it before {path} is removed")
    with contextlib.suppress(FileNotFoundError), opened(path.parent) as folder:
        if stat.S_ISDIR(os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode):
            shutil.rmtree(path.name, dir_fd=folder)
        else:
            os.unlink(path.name, dir_fd=folder)
