"""Makes the contexts of steps: each with its own log, shell and progress, over one volume and one boot."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from zflow.context import Context
from zflow.host.clock import Clock, system_clock
from zflow.host.shell import Shell
from zflow.journal.layout import home, log_name
from zflow.output import Announce, log_file
from zflow.progress import Progress
from zflow.secret import Redactor, SecretStore
from zflow.settings import Settings
from zflow.step import Step


@dataclass
class Surroundings:
    """What all steps of one process have in common."""

    volume: Path
    settings: Settings
    boot: str
    shell: Shell
    redactor: Redactor
    announce: Announce = lambda *_lines: None
    clock: Clock = system_clock
    stopping: threading.Event = field(default_factory=threading.Event)
    home: Path = field(init=False)
    """zflow's own folder on the volume."""
    _secrets: SecretStore = field(init=False)

    def __post_init__(self) -> None:
        self.home = home(self.volume)
        self.renew(self.settings)
        self._secrets = SecretStore(self.home / "secrets", self.redactor)

    def renew(self, settings: Settings) -> None:
        """Use other settings from the next context on."""
        self.settings = settings
        for secret in settings.secrets():
            self.redactor.learn(secret)

    def context(self, step: Step, attempt: int | None) -> Context:
        """Return the context of a step's attempt, or, without a number, of a look at it, which leaves no log."""
        log = _drop if attempt is None else self._log(log_name(step.name, attempt))
        return self._context(log, step.name, step.timeout)

    def failed_look(self, step: Step) -> Callable[[str], None]:
        """Return what writes the log of a look at a step that failed; it replaces the log of the last such look."""
        name = log_name(step.name, 0)
        with suppress(OSError):
            (self.home / name).unlink()
        return self._log(name)

    def look(self) -> Context:
        """Return a context that belongs to no step and leaves no log."""
        return self._context(_drop, "look", 600.0)

    def product_context(self) -> Context:
        """Return a context for what belongs to no step and is logged, such as the shutdown."""
        return self._context(self._log("logs/product/product.log"), "product", 600.0)

    def _log(self, name: str) -> Callable[[str], None]:
        return log_file(f"{self.home}/{name}", self.redactor.clean, self.clock)

    def _context(self, log: Callable[[str], None], name: str, timeout: float) -> Context:
        deadline = time.monotonic() + timeout
        return Context(
            volume=self.volume,
            settings=self.settings,
            secrets=self._secrets,
            shell=self.shell.for_step(log, deadline),
            log=log,
            progress=Progress(f"{self.home}/progress/{name}.json", name, self.announce),
            clock=self.clock,
            boot=self.boot,
            stopping=self.stopping,
            deadline=deadline,
        )

    def stop(self) -> None:
        """Stop every step and command; safe in a signal handler."""
        self.stopping.set()
        self.shell.stop()


def _drop(_line: str) -> None:
    pass
