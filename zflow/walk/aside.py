"""Moves a journal away when the operator asks; the probes of the next walk find what is on the volume."""

from __future__ import annotations

import os
import time
from pathlib import Path

from zflow import codes
from zflow.errors import OperatorError
from zflow.host.clock import stamp
from zflow.host.files import sync_folder
from zflow.journal.ground import check_home
from zflow.journal.layout import PARTS, home, journal_file
from zflow.supervise.lock import writing


def put_aside(volume: Path) -> Path:
    """Move the journal's files to a new folder in `copies`, and return that folder.

    Raises OperatorError: UNDER_WAY during a walk, HELD by another container, NO_JOURNAL when there is nothing to move,
    and what `check_home` raises. What is not a file at the journal's path is moved as it is; a link is not followed.
    """
    file = journal_file(volume)
    check_home(volume)
    if not os.path.lexists(file):
        raise OperatorError(codes.NO_JOURNAL, f"{file} does not exist")
    with writing(volume, patience=2.0):
        folder = home(volume) / "copies" / f"aside-{stamp(time.time()).replace(':', '')}"
        folder.mkdir(mode=0o700, parents=True)
        for part in PARTS:
            piece = file.with_name(file.name + part)
            if os.path.lexists(piece):
                piece.rename(folder / piece.name)
        (home(volume) / "ballast").unlink(missing_ok=True)  # a new journal makes a new one
        sync_folder(folder)
        sync_folder(file.parent)
    return folder
