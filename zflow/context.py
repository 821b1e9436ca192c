"""What a step is given: the volume, the settings, a shell, secrets, progress, and the two ways to be told to stop."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zflow import codes
from zflow.errors import Interrupted, TransientError
from zflow.host.clock import Clock
from zflow.host.shell import Shell
from zflow.progress import Progress
from zflow.secret import SecretStore
from zflow.settings import Settings


@dataclass(frozen=True)
class Context:
    """Everything a probe or an apply may use. Made anew for each step, so `shell`, `log` and `progress` are its own."""

    volume: Path
    settings: Settings
    secrets: SecretStore
    shell: Shell
    log: Callable[[str], None]
    progress: Progress
    clock: Clock
    boot: str
    """Identity of this start of the container; differs after every restart."""
    stopping: threading.Event
    deadline: float = math.inf
    """When the attempt's time is over, on the monotonic clock; commands and pauses end by then."""

    @property
    def home(self) -> Path:
        """zflow's own folder on the volume, 0700."""
        return self.volume / ".zflow"

    @property
    def cache(self) -> Path:
        """Where downloads are kept."""
        return self.home / "cache"

    @property
    def stage(self) -> Path:
        """Where things are built before they are moved to their place by a rename; on the same file system."""
        return self.home / "stage"

    def pause(self, seconds: float) -> None:
        """Wait; raises Interrupted at once when the container is told to stop, TransientError(TIME_LIMIT) too late."""
        self.stopping.wait(max(0.0, min(seconds, self.deadline - time.monotonic())))
        self.check()

    def check(self) -> None:
        """Raise Interrupted when the container is told to stop, TransientError(TIME_LIMIT) when the time is over.

        For loops that run no commands.
        """
        if self.stopping.is_set():
            raise Interrupted
        if time.monotonic() > self.deadline:
            raise TransientError(codes.TIME_LIMIT, "the step's own time is over")
