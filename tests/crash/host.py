"""A simulated machine in memory, as far as steps can see one.

It has a disk with a page cache, so that a power cut loses what was not synced; what lasts until the container ends;
inputs; and a clock. Every command of a step, every sync and every commit is a *point*, at which a process may end.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Fate(StrEnum):
    """How the life of a process ends."""

    END = "comes to its end"
    TERM = "told to stop"
    KILL = "process killed"
    REBOOT = "container killed"
    POWER = "power lost"


class Death(BaseException):
    """The process is gone: nothing of the engine's may run on it but what a `finally` does."""


class Violation(BaseException):
    """A law of the world is broken; no handler of the engine's may swallow it."""


@dataclass
class Weather:
    """How likely a command fails, each out of 1; all 0 is calm."""

    transient: float = 0.0
    wrong: float = 0.0
    bug: float = 0.0
    change: float = 0.0
    wake: float = 0.0

    @property
    def calm(self) -> bool:
        """Whether nothing fails or changes by itself."""
        return not any((self.transient, self.wrong, self.bug, self.change))


@dataclass
class Host:
    """The machine. `seen` is what programs see, `durable` what a power cut leaves."""

    dice: random.Random
    seen: dict[str, int] = field(default_factory=dict)
    durable: dict[str, int] = field(default_factory=dict)
    inputs: Counter[str] = field(default_factory=Counter)
    weather: Weather = field(default_factory=Weather)
    turn: float = 0.7
    """How likely work ahead of time gets its turn when it is looked at."""
    now: float = 1_800_000_000.0
    boot: int = 1
    stop: Callable[[], None] = lambda: None
    passing: Callable[[str], None] = lambda _where: None
    """Told of each point by name."""
    fate: Fate = Fate.END
    fatal: int = 0
    """The so-manieth point from here is where the fate strikes; 0 for never."""
    passed: int = 0
    dead: bool = False
    results: dict[str, list[str]] = field(default_factory=dict)
    """The parts that each step's result consists of."""
    begun: set[str] = field(default_factory=set)
    """The steps whose latest event, durable by now, is the intent of an attempt."""
    completed: Counter[str] = field(default_factory=Counter)
    """How often each step's result was made whole, less what a power cut or the operator took away."""

    def clock(self) -> float:
        """Return the wall clock's time."""
        self.now += 0.01
        return self.now

    def point(self, where: str) -> None:
        """Pass a point, or end there."""
        self.passed += 1
        self.passing(where)
        if self.fatal:
            self.fatal -= 1
            if not self.fatal:
                self._strike()
        if self.weather.change and self.dice.random() < self.weather.change:
            self.inputs[self.dice.choice(sorted(self.inputs))] += 1

    def _strike(self) -> None:
        if self.fate is Fate.TERM:
            self.stop()
            return
        self.dead = True
        raise Death(self.fate)

    def sync(self) -> None:
        """Make everything written so far durable."""
        self.durable = {name: value for name, value in self.seen.items() if not name.startswith("memory/")}

    def restart(self, *, power: bool) -> None:
        """Begin another start of the container; a power cut keeps any part of what was not synced."""
        self.boot += 1
        before = dict(self.seen)
        self.seen = {name: value for name, value in self.seen.items() if not name.startswith("memory/")}
        if power:
            for name in sorted({*self.seen, *self.durable}):
                if self.seen.get(name) != self.durable.get(name) and self.dice.random() < 0.5:
                    self._put_back(name)
        self.sync()
        for name, parts in self.results.items():
            if before.keys() >= {*parts} and not self.seen.keys() >= {*parts}:
                self.completed[name] -= 1

    def _put_back(self, name: str) -> None:
        if name in self.durable:
            self.seen[name] = self.durable[name]
        else:
            del self.seen[name]

    def lose(self, name: str) -> None:
        """Have somebody remove a step's result by hand, with all its parts."""
        for part in self.results[name]:
            self.seen.pop(part, None)
        self.sync()
        self.completed[name] = 0


class Ticking(threading.Event):
    """An event whose waiting takes simulated time, and in which the operator may lose patience."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host

    def wait(self, timeout: float | None = None) -> bool:
        """Let the time pass; return whether the event is set."""
        self._host.now += timeout or 0.0
        if self._host.weather.wake and self._host.dice.random() < self._host.weather.wake:
            self.set()
        return self.is_set()
