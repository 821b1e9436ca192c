"""What SQLite's errors mean to an operator: is the volume full, read-only or away, or is the journal damaged?"""

from __future__ import annotations

from pathlib import Path

from zflow import codes
from zflow.errors import OperatorError

MEANINGS = (
    (("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"), codes.DISK_FULL),
    (("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM"), codes.VOLUME_READ_ONLY),
    (("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_PROTOCOL"), codes.JOURNAL_AWAY),
)
"""By the beginning of their names (sqlite.org/rescode.html); SHMSIZE: no room for the write-ahead log's shared memory.
All others, and what Python raises for rows that no writer of ours wrote, mean damage."""


def translated(error: BaseException | None, volume: Path | None = None) -> OperatorError:
    """Return an error of SQLite, or one from reading a damaged row, with its code; `volume` is asked for inodes."""
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    code = next((code for prefixes, code in MEANINGS if name.startswith(prefixes)), codes.JOURNAL_DAMAGED)
    if code in {codes.DISK_FULL, codes.VOLUME_READ_ONLY} and volume is not None and codes.out_of_inodes(volume):
        code = codes.NO_INODES
    return OperatorError(code, f"{error} ({name})")
