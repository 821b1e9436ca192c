"""Paths of zflow's files on the volume, and the schemas that this code knows. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

HOME = ".zflow"
REVISIONS = ("0001", "0002", "0003", "0004")
HEAD = REVISIONS[-1]

WAL_UNSAFE = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse.glusterfs", "ceph"})
"""File systems shared between hosts: they lack the shared memory that SQLite's WAL needs."""


def home(volume: Path) -> Path:
    """Return zflow's own folder on the volume."""
    return volume / HOME


PARTS = ("", "-wal", "-shm", "-journal")
"""The files that belong to an SQLite database, by what is added to its name (sqlite.org/tempfiles.html)."""


def journal_file(volume: Path) -> Path:
    """Return the journal's file."""
    return home(volume) / "journal.sqlite3"


def pause_file(volume: Path) -> Path:
    """Return the file that, while it exists, keeps the supervisor from starting walks."""
    return home(volume) / "paused"


def request_file(volume: Path) -> Path:
    """Return the file that requests a walk from the supervisor; it holds the reason, and the walk removes it."""
    return home(volume) / "requested"


def log_name(step: str, attempt: int | str) -> str:
    """Return the path of the log of a step's attempt in zflow's folder, by the step's name."""
    return f"logs/{step.replace('.', '/', 1)}.{attempt}.log"


def its_log(volume: Path, step: str | None) -> str:
    """Return a sentence that says how to read the newest log of a step; empty where there is none."""
    if step is None or not any(home(volume).glob(log_name(step, "*"))):
        return ""
    return f" Its log: `zflow logs {step}`."


def paused(volume: Path) -> bool:
    """Tell whether the operator has paused the supervisor."""
    return pause_file(volume).exists()
