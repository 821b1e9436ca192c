"""The supervisor's side of the endpoint: starts its process, and starts it again when it ends.

The endpoint is a separate process: it costs memory only where the setting is on, and a client that breaks it does not
break the supervisor.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from zflow.host.children import end

OFF = 0
"""The exit code of the process where the setting is off; it is started again with the next walk, not before."""
PAUSE = 10.0
"""Seconds until a process that ended with another code is started again: its port may be in use."""

STOPPING = 3.0
"""Seconds that it has to finish its answers."""


class Keeper:
    """Holds the process number of the endpoint, if it has one."""

    def __init__(self, start: Callable[[], int]) -> None:
        self._start = start
        self._pid: int | None = None
        self._again: float | None = None

    def ask(self) -> None:
        """Start the process unless it runs: a walk begins, and the setting may have changed."""
        if self._pid is None:
            self._again = None
            self._pid = self._start()

    def look(self) -> None:
        """Start the process again when its time has come."""
        if self._again is not None and time.monotonic() >= self._again:
            self.ask()

    def reap(self) -> None:
        """Take in the end of the process."""
        if self._pid is None:
            return
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid:
            self._pid = None
            self._again = None if os.waitstatus_to_exitcode(status) == OFF else time.monotonic() + PAUSE

    def close(self) -> None:
        """End the process: the container is about to stop serving, so it is not ready any more."""
        if self._pid is not None:
            end(self._pid, STOPPING)
            self._pid = None
