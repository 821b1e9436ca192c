"""What a step is given: the volume, the settings, a shell, secrets, progress, and the two ways to be told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zflow.clock import Clock
from zflow.errors import Interrupted
from zflow.progress import Progress
from zflow.secret import SecretStore
from zflow.settings import Settings
from zflow.shell import Shell


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
        """Wait; raises Interrupted at once when the container is told to stop."""
        if self.stopping.wait(seconds):
            raise Interrupted

    def check(self) -> None:
        """Raise Interrupted when the container is told to stop; for loops that run no commands."""
        if self.stopping.is_set():
            raise Interrupted
