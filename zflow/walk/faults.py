"""What an error of a step means, for the journal, the operator and the step's log."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

from zflow import codes
from zflow.errors import OperatorError, StepBug, TransientError, ZflowError


def understood(volume: Path, error: Exception, log: Callable[[str], None]) -> ZflowError:
    """Return what an unforeseen error means: the volume's state, else a defect of ours, whose traceback is logged."""
    if isinstance(error, OSError) and (code := codes.meant(error, volume)) is not None:
        if code is codes.VOLUME_READ_ONLY and not str(error.filename or "").startswith(f"{volume}/"):
            code = codes.ROOT_READ_ONLY
        return OperatorError(code, f"{error.filename or 'a file'}: {error.strerror}")
    log("".join(traceback.format_exception(error)))
    return StepBug(codes.BUG, f"{type(error).__name__}: {error}")


def family(error: ZflowError) -> str:
    """Return the class of an error as the journal names it."""
    return "transient" if isinstance(error, TransientError) else "bug" if isinstance(error, StepBug) else "operator"
