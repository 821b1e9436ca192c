"""The progress of a step: one small file that `status` reads, replaced at most twice a second, never synced.

The container's output gets a plain line from time to time: neither silence nor a flood.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zflow.terminal.plain import plain
from zflow.terminal.words import amount, roughly, share

INTERVAL = 0.5
"""Seconds between two replacements of the file."""
OFTEN = 10.0
"""The least seconds between two lines, however fast the work is."""
SELDOM = 60.0
"""Seconds after which slow work gets a line, if it moved at all."""
MEASURED = 2.0
"""Seconds of work before its rate is shown."""


def forget(folder: Path) -> None:
    """Remove the reports of interrupted attempts."""
    for path in folder.glob("*"):
        with contextlib.suppress(OSError):
            path.unlink()


class Progress:
    """Reports of one step: `report(done, total, unit, note)`; `total` 0 means unknown."""

    def __init__(
        self, path: Path | str, step: str, announce: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` is a monotonic one. A `path` as text costs less where many steps make no report at all."""
        self._path = path
        self._step = step
        self._announce = announce
        self._clock = clock
        self._next = 0.0
        self._note = ""
        self._base: tuple[float, float] | None = None
        self._told = (0.0, 0.0, 0)
        self._written = False

    def report(self, done: float = 0, total: float = 0, unit: str = "", note: str = "") -> None:
        """Write how far the step is; a new `note` (a sub-step) is also announced in the container's output."""
        now, note = self._clock(), plain(note)
        if note and note != self._note:
            self._announce(f"{self._step}: {note}")
            self._begin(note, done, total, now)
        elif self._base is None:
            self._begin(self._note, done, total, now)
        content = {"step": self._step, "done": done, "total": total, "unit": unit, "note": self._note}
        content["rate"] = self._rate(done, now) if unit == "bytes" else 0
        self._tell(content, now)
        if now >= self._next:
            self._next = now + INTERVAL
            self._write(content)

    def clear(self) -> None:
        """Remove the report; the step has ended."""
        if self._written:
            with contextlib.suppress(OSError):
                Path(self._path).unlink()

    def _begin(self, note: str, done: float, total: float, now: float) -> None:
        """Begin a sub-step: rates count from here, because parts of an earlier attempt took no time."""
        self._note, self._next = note, 0.0
        self._base = (done, now)
        self._told = (now, done, _tenth(done, total))

    def _rate(self, done: float, now: float) -> float:
        """Return the units per second since the sub-step began, 0 while it is too early."""
        assert self._base is not None
        start, began = self._base
        return round((done - start) / (now - began), 1) if now - began >= MEASURED and done > start else 0

    def _tell(self, content: dict[str, Any], now: float) -> None:
        """Announce each tenth, and slow work from time to time."""
        at, before, tenth = self._told
        done, total = content["done"], content["total"]
        moved = _tenth(done, total) > tenth and now - at >= OFTEN
        if not (moved or (now - at >= SELDOM and done > before)):
            return
        self._told = (now, done, _tenth(done, total))
        far = share(content)
        parts = [self._note, "" if far is None else f"{far:.0%}", amount(content)]
        if content["rate"] and total > done:
            parts.append(f"{roughly((total - done) / content['rate'])} left")
        self._announce(f"{self._step}: {', '.join(part for part in parts if part)}")

    def _write(self, content: dict[str, Any]) -> None:
        path, self._written = Path(self._path), True
        beside = path.with_suffix(".new")
        with contextlib.suppress(OSError):
            beside.write_text(json.dumps(content))
            beside.rename(path)


def _tenth(done: float, total: float) -> int:
    return int(10 * done / total) if total else 0
