"""Where the journal lies and which schemas this code knows. Imports nothing heavy: the light reader needs it too."""

from __future__ import annotations

from pathlib import Path

HOME = ".zflow"
REVISIONS = ("0001", "0002", "0003", "0004")
HEAD = REVISIONS[-1]

WAL_UNSAFE = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse.glusterfs", "ceph"})
"""File systems shared between hosts: SQLite's WAL needs shared memory there, which they do not give."""


def home(volume: Path) -> Path:
    """Return zflow's own folder on the volume."""
    return volume / HOME


PARTS = ("", "-wal", "-shm", "-journal")
"""The files that belong to an SQLite database, by what is added to its name (sqlite.org/tempfiles.html)."""


def journal_file(volume: Path) -> Path:
    """Return the journal's file."""
    return home(volume) / "journal.sqlite3"


def pause_file(volume: Path) -> Path:
    """Return the file that, while it is there, keeps the runner from walking by itself."""
    return home(volume) / "paused"


def request_file(volume: Path) -> Path:
    """Return the file that asks the runner for a walk; it names why, and the walk that begins takes it away."""
    return home(volume) / "requested"


def paused(volume: Path) -> bool:
    """Tell whether the operator has asked the runner to keep still."""
    return pause_file(volume).exists()
