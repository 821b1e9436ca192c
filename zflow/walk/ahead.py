"""Work ahead of time: steps that need nothing before them run in threads from second zero, journalled like the rest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning

from zflow.errors import Interrupted

MOMENT = 0.3
"""Seconds between two looks at whether the container is told to stop."""


class Ahead:
    """The background steps of one walker, by name."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._pool = ThreadPoolExecutor(thread_name_prefix="ahead")
        self._running: dict[str, Future[bool]] = {}

    def start(self, name: str, work: Callable[[], bool]) -> None:
        """Start a step unless it runs already."""
        running = self._running.get(name)
        if running is None or running.done():
            self._running[name] = self._pool.submit(work)

    def busy(self, name: str | None = None) -> bool:
        """Tell whether that step, or any, is still at work."""
        chosen = self._running.values() if name is None else [self._running[name]]
        return any(not each.done() for each in chosen)

    def ended(self, name: str, patience: float) -> bool:
        """Wait for a step at most so many seconds; return whether it has ended.

        Raises Interrupted when the container is told to stop.
        """
        until = time.monotonic() + patience
        while not self._running[name].done():
            if self._stopping.wait(min(MOMENT, max(0.0, until - time.monotonic()))):
                raise Interrupted
            if time.monotonic() >= until:
                return False
        return True

    def result(self, name: str) -> bool:
        """Wait for a step and return or raise what it did. Raises Interrupted when the container is told to stop."""
        while True:
            try:
                return self._running[name].result(timeout=MOMENT)
            except StillRunning:
                if self._stopping.is_set():
                    raise Interrupted from None

    def close(self) -> None:
        """Wait until all have ended; the shell has been told to stop, or all are done."""
        self._pool.shutdown(wait=True, cancel_futures=True)
