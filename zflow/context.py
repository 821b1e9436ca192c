"""What a step gets: the volume, the settings, a shell, secrets, progress, and the two reasons to stop."""

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
    """Everything that a probe or an apply may use. Each step has its own `shell`, `log` and `progress`."""

    volume: Path
    settings: Settings
    secrets: SecretStore
    shell: Shell
    log: Callable[[str], None]
    progress: Progress
    clock: Clock
    boot: str
    """Identity of this start of the container; another one after each restart."""
    stopping: threading.Event
    deadline: float = math.inf
    """When the attempt's time is over, on the monotonic clock; commands and pauses end by then."""

    @property
    def home(self) -> Path:
        """zflow's own folder on the volume, 0700."""
        return self.volume / ".zflow"

    @property
    def cache(self) -> Path:
        """The folder of downloads."""
        return self.home / "cache"

    @property
    def stage(self) -> Path:
        """The folder where files are built before a rename moves them to their path; on the same file system."""
        return self.home / "stage"

    def pause(self, seconds: float) -> None:
        """Wait. Raises Interrupted as soon as the container has to stop, TransientError(TIME_LIMIT) at the deadline."""
        self.stopping.wait(max(0.0, min(seconds, self.deadline - time.monotonic())))
        self.check()

    def check(self) -> None:
        """Raise Interrupted when the container has to stop, TransientError(TIME_LIMIT) after the deadline.

        For loops that run no commands.
        """
        if self.stopping.is_set():
            raise Interrupted
        if time.monotonic() > self.deadline:
            raise TransientError(codes.TIME_LIMIT, "the step reached its time limit")
