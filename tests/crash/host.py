"""A simulated machine in memory, and a product whose steps change nothing but it.

It has a disk with a page cache, so that a power cut loses what was not synced; what lasts until the container ends; and
inputs. Every command of a step, every sync and every commit is a *point*, at which the schedule may end the process.
The engine above it is the real one: `zflow.walk` and `zflow.journal` over a real SQLite file.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from zflow import codes
from zflow.context import Context
from zflow.errors import OperatorError, TransientError
from zflow.step import Evidence, Product, Scope, State, Step


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


@dataclass(frozen=True)
class Kind:
    """What is peculiar to a simulated step; `parts` is how many commands its apply takes."""

    parts: int = 2
    reads: bool = False
    """Its result depends on an input, which changes at random moments."""
    marked: bool = False
    """Its probe looks at the last part only, a marker written after a sync of its own."""
    tidy: bool = False
    """Its apply must not find a half-made result: it has a cleanup."""


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
        if self.fatal and (left := self.fatal - 1) >= 0:
            self.fatal = left
            if left == 0:
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


def parts_of(step: Step, kind: Kind) -> list[str]:
    """Return the names of the parts that a step's result consists of, in the order in which they are made."""
    prefix = f"memory/{step.name}" if step.scope is Scope.BOOT else step.name
    return [*(f"{prefix}/{number}" for number in range(1, kind.parts)), f"{prefix}/last"]


def simulated(host: Host, step: Step, kind: Kind) -> Step:
    """Return the step with its name and nature, and with effects on the simulated machine alone."""
    parts = host.results[step.name] = parts_of(step, kind)
    if kind.reads:
        host.inputs[step.name] += 1

    def wanted() -> int:
        return host.inputs[step.name] if kind.reads else 1

    def probe(ctx: Context) -> Evidence | None:
        looked_at = parts[-1:] if kind.marked else parts
        return Evidence("all parts are there") if all(host.seen.get(part) == wanted() for part in looked_at) else None

    def apply(ctx: Context) -> None:
        _begin(host, step, kind, parts, holds=probe(ctx) is not None)
        value = wanted()
        for part in parts:
            _command(host, ctx, step.name)
            if kind.marked and part == parts[-1]:
                host.sync()
            host.seen[part] = value
            if part == parts[-1]:
                host.completed[step.name] += 1
            host.point(f"{step.name}: command ended")
            ctx.check()

    def cleanup(ctx: Context) -> None:
        for part in parts[::-1]:
            if part in host.seen and not all(each in host.seen for each in parts):
                del host.seen[part]
        host.point(f"{step.name}: cleaned up")

    return replace(
        step,
        probe=probe,
        apply=apply,
        cleanup=cleanup if step.cleanup is not None or kind.tidy else None,
        audit=probe if step.audit is not None else None,
        inputs=(lambda _ctx: str(wanted())) if kind.reads else None,
    )


def _begin(host: Host, step: Step, kind: Kind, parts: Sequence[str], *, holds: bool) -> None:
    if holds and step.in_flight != "rerun":
        raise Violation(f"{step.name} is applied although its result is there")
    if kind.tidy and 0 < sum(part in host.seen for part in parts) < len(parts):
        raise Violation(f"{step.name} meets the half-made result of an attempt that was cut off")


def _command(host: Host, ctx: Context, name: str) -> None:
    """Start one command: it may fail, as the weather is."""
    host.point(f"{name}: command begins")
    ctx.check()
    luck, weather = host.dice.random(), host.weather
    if luck < weather.transient:
        raise TransientError(codes.COMMAND, "the mirror is away")
    if luck < weather.transient + weather.wrong:
        raise OperatorError(codes.SETTINGS, "a wrong setting")
    if luck < weather.transient + weather.wrong + weather.bug:
        raise ValueError("a defect")


def _nothing(_ctx: Context) -> None:
    """Stands where a simulated action will."""


ROUNDS = (1, 2, 3)
"""Each nature comes so often: a product as long as a real one."""


def shape(number: int) -> Iterator[tuple[Step, Kind]]:
    """Yield one step of each nature there is; the first word of a name, with its number, is the state's."""

    def step(name: str, **options: object) -> Step:
        name = name.replace(".", f"{number}.")
        return Step(name, f"simulated {name}", lambda _ctx: None, _nothing, **options)  # type: ignore[arg-type]

    yield step("base.once", once=True), Kind(parts=3, marked=True, tidy=True)
    yield step("base.boot", scope=Scope.BOOT), Kind()
    yield step("early.ahead", ahead=True, retry="network"), Kind(reads=True)
    yield step("early.input"), Kind(reads=True, tidy=True)
    yield step("core.once", once=True, retry="vendor"), Kind(parts=4)
    yield step("core.rerun", in_flight="rerun"), Kind()
    yield step("core.ask", in_flight="ask"), Kind()
    yield step("side.input", audit=lambda _ctx: None), Kind(reads=True)
    yield step("side.boot", scope=Scope.BOOT, retry="never"), Kind(parts=1)
    yield step("last.input"), Kind(parts=3, reads=True, marked=True)
    yield step("last.ahead", ahead=True), Kind(tidy=True)
    yield step("last.boot", scope=Scope.BOOT), Kind(reads=True)


SHAPE = tuple(each for number in ROUNDS for each in shape(number))
DETACHED = frozenset(f"side{number}" for number in ROUNDS)


def world_product(host: Host) -> Product:
    """Return the product of the simulated world."""
    steps = [simulated(host, step, kind) for step, kind in SHAPE]
    names = list(dict.fromkeys(step.name.split(".")[0] for step in steps))
    states = (State(name, name, _of(steps, name), detached=name in DETACHED) for name in names)
    return Product("world", tuple(states))


def like(host: Host, product: Product) -> Product:
    """Return a product of the same states and steps, each with its nature, over the simulated machine."""

    def turned(step: Step) -> Step:
        return simulated(host, step, Kind(parts=2, reads=step.inputs is not None, tidy=step.cleanup is not None))

    return Product(
        product.name, tuple(replace(state, steps=tuple(map(turned, state.steps))) for state in product.states)
    )


def _of(steps: Sequence[Step], state: str) -> tuple[Step, ...]:
    return tuple(step for step in steps if step.name.startswith(f"{state}."))


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
