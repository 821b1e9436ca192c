"""Steps that need nothing before them: they run in threads from the start of a walk, journalled like all others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from zflow.errors import Interrupted
from zflow.output import Announce
from zflow.step import Step
from zflow.walk.task import Outcome

MOMENT = 0.3
"""Seconds between two looks at whether the container stops."""
PATROL = 15.0
"""Seconds to wait for such a step before all steps are checked again: it may take an hour, and ports are open."""
REMINDER = 300.0
"""Seconds between two lines that say that the walk still waits for such a step."""


class Patrol(Exception):
    """A background step still runs: the steps before it are checked again, then the walk waits on."""


class Ahead:
    """The background steps of one walker, by name."""

    def __init__(self, stopping: threading.Event, announce: Announce) -> None:
        self._stopping = stopping
        self._announce = announce
        self._pool = ThreadPoolExecutor(thread_name_prefix="ahead")
        self._running: dict[str, Future[Outcome]] = {}
        self._awaited: dict[str, float] = {}

    def start(self, name: str, work: Callable[[], Outcome]) -> None:
        """Start a step unless it runs already."""
        running = self._running.get(name)
        if running is None or running.done():
            self._running[name] = self._pool.submit(work)

    def busy(self, name: str | None = None) -> bool:
        """Tell whether that step, or any, still runs."""
        chosen = self._running.values() if name is None else [self._running[name]]
        return any(not each.done() for each in chosen)

    def result(self, step: Step) -> Outcome:
        """Return or raise what a step did.

        Raises Patrol when it still runs after some seconds, and Interrupted when the container stops.
        """
        running = self._running[step.name]
        if not running.done():
            self._remind(step)
            until = time.monotonic() + PATROL
            while not running.done():
                if self._stopping.wait(min(MOMENT, max(0.0, until - time.monotonic()))):
                    raise Interrupted
                if time.monotonic() >= until:
                    raise Patrol
        return running.result()

    def _remind(self, step: Step) -> None:
        """Announce that the walk waits for a step, and repeat it now and then: a search may take an hour."""
        now = time.monotonic()
        words = "still waiting for it" if step.name in self._awaited else "waiting for it; it began with the walk"
        if now >= self._awaited.get(step.name, now):
            self._awaited[step.name] = now + REMINDER
            self._announce(f"{step.title}: {words}")

    def close(self) -> None:
        """Wait until all have ended; the shell stops them, or they are done."""
        self._pool.shutdown(wait=True, cancel_futures=True)
