"""Every step of every state of the real product, killed at every arrow of the protocol, over the simulated machine.

The steps have the product's names, order and nature (`once`, `ahead`, scope, inputs, cleanup, retry); each takes two
commands. For each point three processes die: by a kill, with the whole container, and by a power cut that loses any
part of what was not synced. The processes after it must bring the walk to its end, under the laws of the world.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from states.product import PRODUCT
from tests.crash import laws
from tests.crash.host import Death, Fate, Host, Violation
from tests.crash.laws import Ledger
from tests.crash.life import Life, copied, empty_volume, memory, roll
from tests.crash.steps import Kind, like
from zflow.journal.event import Event
from zflow.walk.machine import SERVING

FATES = (Fate.KILL, Fate.REBOOT, Fate.POWER)
LIVES = 4
"""So many processes at most until all is valid."""
KINDS = {
    "started": "intent",
    "done": "outcome",
    "recovered": "outcome",
    "satisfied": "outcome",
}
"""What a commit is called that records such an event."""
ARROWS = (
    "before the intent's commit",
    "after the intent's commit",
    "a command begins",
    "a command ended",
    "applied, not synced",
    "synced, not proven",
    "before the outcome's commit",
    "after the outcome's commit",
)
STATE_OF = {step.name: state.name for state in PRODUCT.states for step in state.steps}


@dataclass
class Trial:
    """One volume whose first process dies at a point."""

    fate: Fate
    fatal: int
    volume: Path

    def __post_init__(self) -> None:
        self.host = Host(roll(f"{self.fate}-{self.fatal}"), turn=1.0)
        self.product = like(self.host, PRODUCT)
        self.steps = {
            step.name: (step, Kind(reads=original.inputs is not None))
            for step, original in zip(self.product.steps, PRODUCT.steps, strict=True)
        }
        self.ledger = Ledger(self.volume, self.steps)
        self.where: list[str] = []
        self.died = False
        self.host.passing = self.where.append

    def run(self) -> list[tuple[str, str]]:
        """Die, come back, and be whole; return the state and arrow of the point, nothing when the process lived."""
        self._live(self.fatal)
        self.died, where = self.host.dead, list(self.where)
        if self.died and self.fate is not Fate.KILL:
            self.host.restart(power=self.fate is Fate.POWER)
        for _ in range(LIVES):
            self.ledger.check()
            if self._live(0) == SERVING:
                break
        else:
            raise Violation("no progress")
        self.ledger.check()
        laws.once_is_once(self.host, self.steps)
        laws.all_is_well(self.host, self.steps)
        return list(named(where)) if self.died else []

    def _live(self, fatal: int) -> str | None:
        self.host.fate, self.host.fatal, self.host.dead = self.fate, fatal, False
        with contextlib.suppress(Death):
            return Life(self.host, self.volume, self.product, self._heard).walk()
        return None

    def _heard(self, batch: Sequence[Event]) -> None:
        laws.acknowledged_is_durable(self.host, self.steps, batch)


def named(passed: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the states and arrows of the last point; a commit may hold one step's outcome and another's intent."""
    what, _, side = passed[-1].rpartition(": ")
    if what == "sync":
        applied = next(each for each in reversed(passed) if each.endswith("command ended"))
        yield STATE_OF[applied.partition(":")[0]], ARROWS[4] if side == "before" else ARROWS[5]
    elif side == "cleaned up":
        yield STATE_OF[what], side
    elif side.startswith("command"):
        yield STATE_OF[what], ARROWS[2] if side == "command begins" else ARROWS[3]
    elif what != "walk":
        for each in what.split(", "):
            step, kind = each.split(" ")
            if kind in KINDS:
                yield STATE_OF[step], f"{side.split()[0]} the {KINDS[kind]}'s commit"


def sweep(every: int = 1, first: int = 1) -> Counter[tuple[str, str]]:
    """Try each `every`-th point from the `first` on, with each fate; return the counts by state and arrow.

    Raises Violation, which names the fate and the point.
    """
    counts: Counter[tuple[str, str]] = Counter()
    with empty_volume() as template, tempfile.TemporaryDirectory(dir=memory(), prefix="zflow-points-") as folder:
        for fate in FATES:
            fatal = first
            while True:
                trial = Trial(fate, fatal, copied(template, Path(folder, "volume")))
                try:
                    found = trial.run()
                except (Exception, Violation) as error:
                    raise Violation(f"{fate} at point {fatal}: {error}") from error
                if not trial.died:
                    break
                counts.update([*found, ("points", str(fate))])
                fatal += every
    return counts
