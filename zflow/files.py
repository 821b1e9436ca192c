"""Durable files: written beside their place, synced, renamed, the folder synced. The one way states write files."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
from pathlib import Path


def write_atomic(path: Path, content: str | bytes, *, mode: int = 0o644, owner: tuple[int, int] | None = None) -> None:
    """Replace `path` by `content` so that a reader, or a power cut, sees the old or the new content and nothing else.

    A symbolic link in the place of `path` is replaced, never followed. `owner` is (uid, gid).
    """
    data = content.encode() if isinstance(content, str) else content
    beside = path.with_name(f".{path.name}.zflow-new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        if owner is not None:
            os.fchown(file.fileno(), *owner)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_volume(folder: Path) -> None:
    """Make everything written so far to the file system that holds `folder` durable (syncfs(2), which Python lacks)."""
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
        return not path.is_symlink() and path.read_bytes() == data
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return False


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def mounts_below(folder: Path) -> list[Path]:
    """Return the mount points at or below a folder in this mount namespace, the deepest last mounted first."""
    points = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        escaped = line.split()[4]
        point = Path(escaped.encode().decode("unicode_escape").encode("latin-1").decode(errors="surrogateescape"))
        if point == folder or folder in point.parents:
            points.append(point)
    return points[::-1]


def remove_tree(path: Path) -> None:
    """Remove a folder and all below it; what is absent is fine.

    Raises OSError when something is mounted below: removing through a bind mount would empty its source.
    """
    if path.is_symlink():
        path.unlink()
        return
    if not path.exists():
        return
    if mounted := mounts_below(path.resolve()):
        raise OSError(f"{mounted[0]} is a mount; unmount it before {path} is removed")
    shutil.rmtree(path)
