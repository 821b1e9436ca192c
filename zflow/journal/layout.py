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


def log_name(step: str, attempt: int | str) -> str:
    """Return where the log of a step's attempt lies below zflow's folder: by the step's own name, whose state may be
    another's."""
    return f"logs/{step.replace('.', '/', 1)}.{attempt}.log"


def its_log(volume: Path, step: str | None) -> str:
    """Return a sentence that says how to read the newest log of a step; empty where there is none to be read."""
    if step is None or not any(home(volume).glob(log_name(step, "*"))):
        return ""
    return f" Its log: `zflow logs {step}`."


def paused(volume: Path) -> bool:
    """Tell whether the operator has asked the runner to keep still."""
    return pause_file(volume).exists()
