"""The supervisor's side of the endpoint: starts its process, and again when it ends; light, for it loads nothing of it.

A process of its own costs its memory only where the setting is on, and whatever a client does to it, the supervisor
goes on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from zflow.host.children import end

OFF = 0
"""How the process ends where the setting is off: it is asked for again with the next walk, not before."""
PAUSE = 10.0
"""Seconds until one that ended otherwise is started again: its port may be taken, its setting may have changed."""

STOPPING = 3.0
"""Seconds that it has to end what it answers."""


class Keeper:
    """Holds the process number of the endpoint, if it has one."""

    def __init__(self, start: Callable[[], int]) -> None:
        self._start = start
        self._pid: int | None = None
        self._again: float | None = None

    def ask(self) -> None:
        """Have it served if the setting says so, also after it was off: a walk begins, settings may have changed."""
        if self._pid is None:
            self._again = None
            self._pid = self._start()

    def look(self) -> None:
        """Start it again when its time has come."""
        if self._again is not None and time.monotonic() >= self._again:
            self.ask()

    def reap(self) -> None:
        """Take in its end."""
        if self._pid is None:
            return
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid:
            self._pid = None
            self._again = None if os.waitstatus_to_exitcode(status) == OFF else time.monotonic() + PAUSE

    def close(self) -> None:
        """End it: the container is about to stop serving, and so is not ready any more."""
        if self._pid is not None:
            end(self._pid, STOPPING)
            self._pid = None
