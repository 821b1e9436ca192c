"""`python -m tests.crash.world --steps 1000000 --seed N`: the simulated world, as deep as wanted.

Worlds follow one another, each with a seed of its own, made of the first seed and its number; a violation prints the
seed that leads to it again, alone: `--world SEED`. What may happen is the same as in `test_world.py`, where hypothesis
chooses and makes failing histories small.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.crash import laws
from tests.crash.host import Death, Fate, Host, Violation, Weather
from tests.crash.laws import Ledger, law
from tests.crash.life import Life, copied, empty_volume, memory, reset_is_refused, roll, start_is_refused
from tests.crash.steps import SHAPE, STATES, world_product
from zflow import codes
from zflow.journal.event import Event
from zflow.journal.layout import journal_file
from zflow.journal.reader import Row, position, reading, steps
from zflow.journal.record import Record
from zflow.walk.aside import put_aside
from zflow.walk.machine import BLOCKED, SERVING
from zflow.walk.reset import reset

CALM = Weather()
WEATHERS = (
    CALM,
    Weather(transient=0.2),
    Weather(transient=0.05, wrong=0.03, bug=0.02, change=0.01, wake=0.3),
    Weather(transient=0.6, wake=0.1),
    Weather(change=0.05),
)
NAMES = tuple(step.name for step, _ in SHAPE)
SOON = 25.0
"""Points that a fate leaves a process on average."""
PATIENCE = 12
"""So many lives at most until all is valid, once nothing fails any more."""
INTRUSION = 0.02
"""How often a point meets a second process, or a reset, that finds the volume held."""


class World:
    """A host, its volume, and what may happen to them."""

    def __init__(self, seed: str, volume: Path) -> None:
        self.volume = volume
        self.host = Host(roll(seed))
        self.product = world_product(self.host)
        self.steps = {step.name: (step, kind) for step, (_, kind) in zip(self.product.steps, SHAPE, strict=True)}
        self.ledger = Ledger(volume, self.steps)
        self.count: Counter[str] = Counter()
        self._remembered: dict[str, Record] | None = None
        self.host.passing = self._intrude

    def live(self, fate: Fate, fatal: int, *, deep: bool = False) -> str | None:
        """Have a process walk until its end or its fate, check the laws, and make what follows from the fate."""
        host = self.host
        host.fate, host.fatal, host.dead = fate, 0 if fate is Fate.END else fatal, False
        life = Life(host, self.volume, self.product, self._heard)
        state: str | None = None
        with contextlib.suppress(Death):
            state = life.walk(deep=deep)
        struck = fate is not Fate.END and not host.fatal
        self.count[f"lives: {fate if struck else Fate.END}"] += 1
        self.count["steps"] += life.settled
        if self._remembered is not None:
            laws.memory_agrees(self._remembered, life.restored)
        self._remembered = life.remembered
        if host.dead and fate in {Fate.REBOOT, Fate.POWER}:
            host.restart(power=fate is Fate.POWER)
        self.ledger.check()
        laws.once_is_once(host, self.steps)
        if state == SERVING and host.weather.calm:
            laws.all_is_well(host, self.steps)
        return state

    def restart(self) -> None:
        """Begin another start of the container, in good order."""
        self.host.restart(power=False)

    def reset(self, state: str) -> None:
        """Reset a state between two lives; nothing but its own steps becomes due."""
        before, effects = self._rows(), dict(self.host.seen)
        reset(self.product, self.volume, state)
        if before:
            laws.only_named(before, self._rows(), state)
        law(effects == self.host.seen, f"a reset of {state} changed the machine")
        self._remembered = None
        self.ledger.check()
        self.count["resets"] += 1

    def put_aside(self) -> None:
        """Have the operator put the journal aside."""
        if self._rows():
            put_aside(self.volume)
            self.ledger.forget()
            self._remembered = None
            self.count["journals put aside"] += 1

    def change(self, name: str) -> None:
        """Change an input."""
        if name in self.host.inputs:
            self.host.inputs[name] += 1
            self.count["inputs changed"] += 1

    def lose(self, name: str) -> None:
        """Have somebody remove a step's result."""
        self.host.lose(name)
        self.count["results removed"] += 1

    def jump(self, years: float) -> None:
        """Set the clock forward or back."""
        self.host.now = max(1.0, self.host.now + years * 365 * 86400)
        self.count["clock jumps"] += 1

    def settle_down(self) -> None:
        """When faults stop, all becomes valid, with the operator's help where it is asked for; then nothing moves."""
        self.host.weather = CALM
        for _ in range(PATIENCE):
            if self.live(Fate.END, 0) == SERVING:
                break
            self._help()
        else:
            raise Violation(f"no progress: {self._at()}")
        before = self.ledger.kinds.copy()
        law(self.live(Fate.END, 0) == SERVING, "a second walk is stopped")
        law(before == self.ledger.kinds, "a walk over a finished volume records something of its steps")

    def _help(self) -> None:
        """Do what the stop's remedy says, or wait for the next try."""
        at = self._at()
        if at["state"] != BLOCKED:
            self.host.now = max(self.host.now, at["next_try"] or 0.0)
            return
        code, step = at["code"], at["step"]
        if code == codes.LOST.id:
            self._restore(step)
        elif code == codes.POISON.id:
            self.restart()

    def _restore(self, name: str) -> None:
        for part in self.host.results[name]:
            self.host.seen[part] = 1
        self.host.sync()

    def _heard(self, batch: Sequence[Event]) -> None:
        self.count["commits"] += 1
        laws.acknowledged_is_durable(self.host, self.steps, batch)

    def _intrude(self, _where: str) -> None:
        if self.host.weather.wake and self.host.dice.random() < INTRUSION:
            law(start_is_refused(self.volume), "a second process got the volume")
            law(reset_is_refused(self.product, self.volume, self.host.dice.choice(STATES)), "a reset beside a walk")
            self.count["second starters refused"] += 1

    def _rows(self) -> list[Row]:
        if not journal_file(self.volume).exists():
            return []
        with reading(self.volume) as journal:
            return steps(journal)

    def _at(self) -> Row:
        with reading(self.volume) as journal:
            row = position(journal)
        assert row is not None
        return row


def happen(world: World) -> None:
    """Let something happen that the dice choose."""
    dice = world.host.dice
    luck = dice.random()
    if luck < 0.6:
        fate = dice.choice(list(Fate))
        world.live(fate, 1 + int(dice.expovariate(1 / SOON)), deep=dice.random() < 0.1)
    elif luck < 0.7:
        world.host.weather = dice.choice(WEATHERS)
    elif luck < 0.77:
        world.change(dice.choice(NAMES))
    elif luck < 0.82:
        world.reset(dice.choice(STATES))
    elif luck < 0.86:
        world.lose(dice.choice(NAMES))
    elif luck < 0.9:
        world.jump(dice.uniform(-10, 10))
    elif luck < 0.92:
        world.put_aside()
    elif luck < 0.95:
        world.restart()
    else:
        world.settle_down()


def history(seed: str, template: Path, volume: Path, happenings: int = 120) -> Iterator[World]:
    """Let one world happen from its seed alone; yield it after each happening."""
    world = World(seed, copied(template, volume))
    for _ in range(happenings):
        happen(world)
        yield world
    world.settle_down()
    yield world


def run(seed: str, steps: int, *, alone: bool = False, say: bool = False) -> Counter[str]:
    """Let worlds happen until so many steps have been taken; return the counts. Raises Violation, seed included."""
    total: Counter[str] = Counter()
    began = time.monotonic()
    with empty_volume() as template, tempfile.TemporaryDirectory(dir=memory(), prefix="zflow-world-") as folder:
        while total["steps"] < steps and not (alone and total["worlds"]):
            name = seed if alone else f"{seed}-{total['worlds']}"
            try:
                *_, world = history(name, template, Path(folder, "volume"))
            except (Exception, Violation) as error:
                raise Violation(f"world {name}: {error} (again: python -m tests.crash.world --world {name})") from error
            total += world.count + Counter(worlds=1, points=world.host.passed, events=world.ledger.read)
            if say:
                rate = total["steps"] / (time.monotonic() - began)
                print(f"\r{total['worlds']} worlds, {total['steps']} steps, {rate:.0f}/s", end="", flush=True)
    return total


def main() -> int:
    """Print the counts; 1 and the seed where a law is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--world", help="only the world of this seed, as a violation names it")
    options = parser.parse_args()
    try:
        total = run(options.world or options.seed, options.steps, alone=options.world is not None, say=True)
    except Violation as error:
        print(f"\nVIOLATION {error}")
        return 1
    print()
    for what, number in sorted(total.items()):
        print(f"{number:>12,} {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
