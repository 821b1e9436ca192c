"""How far the present step is: one small file that `status` reads, replaced at most twice a second, never synced."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path

INTERVAL = 0.5
"""Seconds between two replacements of the file."""


class Progress:
    """Reports of one step: `report(done, total, unit, note)`; `total` 0 means unknown."""

    def __init__(self, path: Path, step: str, announce: Callable[[str], None]) -> None:
        self._path = path
        self._step = step
        self._announce = announce
        self._next = 0.0
        self._note = ""

    def report(self, done: float = 0, total: float = 0, unit: str = "", note: str = "") -> None:
        """Say how far the step is; a new `note` (a sub-step) is announced in the container's output as well."""
        if note and note != self._note:
            self._announce(f"{self._step}: {note}")
            self._next = 0.0
        self._note = note or self._note
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + INTERVAL
        content = {"step": self._step, "done": done, "total": total, "unit": unit, "note": self._note}
        beside = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            beside.write_text(json.dumps(content))
            beside.rename(self._path)

    def clear(self) -> None:
        """Remove the report; the step has ended."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
