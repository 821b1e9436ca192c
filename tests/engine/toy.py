"""A toy product for the engine's tests: steps whose effects are files, so that the world can be asked."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from zflow.context import Context
from zflow.host.files import write_atomic
from zflow.host.shell import Shell
from zflow.journal.reader import Row, events, position, reading, steps
from zflow.journal.seal import broken_link
from zflow.journal.writer import Journal, open_journal
from zflow.retry import Policy
from zflow.secret import Redactor
from zflow.settings import Settings
from zflow.step import Evidence, Product, State, Step
from zflow.supervise.lock import named
from zflow.walk.surroundings import Surroundings
from zflow.walk.walker import Walker, listed

AT_ONCE = Policy(attempts=3, first=0, ceiling=0, jitter=0, later=60)
"""A policy for tests: three attempts without a pause."""


HOLDING: dict[Path, int] = {}
"""Lock files that this process holds in the name of others."""


class Crash(BaseException):
    """The process ends here: no handler of ours may run on it but what a `finally` does."""


def file_step(name: str, *, before: Callable[[Context], None] = lambda _ctx: None, **options: Any) -> Step:
    """Return a step whose postcondition is a file with its own name in it; each effect adds a line to `effects`."""

    def probe(ctx: Context) -> Evidence | None:
        path = ctx.volume / name
        return Evidence(f"{name} is there") if path.exists() and path.read_text() == name else None

    def apply(ctx: Context) -> None:
        before(ctx)
        with (ctx.volume / "effects").open("a") as file:
            file.write(f"{name}\n")
        write_atomic(ctx.volume / name, name)

    return Step(name=name, title=f"make {name}", probe=probe, apply=apply, **options)


def product(*steps: Step) -> Product:
    """Return a product whose states are the first words of the steps' names, in order."""
    names = list(dict.fromkeys(step.name.split(".")[0] for step in steps))
    states = tuple(
        State(name, f"the {name}", tuple(step for step in steps if step.name.startswith(f"{name}."))) for name in names
    )
    return Product("toy", states)


def effects(volume: Path) -> list[str]:
    """Return the effects so far, oldest first."""
    path = volume / "effects"
    return path.read_text().splitlines() if path.exists() else []


class Bench:
    """Opens journals and walkers over one volume, as one process after another would."""

    def __init__(self, volume: Path, boot: str = "boot-1") -> None:
        self.volume = volume
        self.boot = boot
        self.said: list[str] = []
        self.now = 1_800_000_000.0
        self.wake = threading.Event()
        self.stopping = threading.Event()

    def journal(self) -> Journal:
        """Open the journal for writing."""
        return open_journal(self.volume, clock=self.clock, boot=self.boot, run="run")

    def clock(self) -> float:
        """Return the bench's own time; each look at it takes a second."""
        self.now += 1
        return self.now

    def say(self, *lines: str) -> None:
        """Remember what is announced."""
        self.said += lines

    def surroundings(self) -> Surroundings:
        """Return surroundings that say everything to `said`."""
        shell = Shell(root=self.volume, tag="toy", log=lambda _line: None)
        around = Surroundings(self.volume, Settings({}), self.boot, shell, Redactor(), self.say, self.clock)
        around.stopping = self.stopping
        return around

    def walk(self, what: Product, reason: str = "test", *, deep: bool = False) -> str:
        """Walk once over today's product and return the machine's state."""
        (self.volume / ".zflow").mkdir(mode=0o700, exist_ok=True)
        journal = self.journal()
        journal.restore(listed(what))
        walker = Walker(what, journal, self.surroundings(), self.wake)
        try:
            return walker.walk(reason, deep=deep)
        finally:
            walker.close()
            journal.close()

    def events(self, step: str | None = None) -> list[Row]:
        """Return what the journal holds, or what it holds of one step, oldest first."""
        with reading(self.volume) as journal:
            return [row for row in events(journal) if step is None or row["step"] == step]

    def kinds(self, step: str) -> list[str]:
        """Return the kinds of one step's events."""
        return [row["kind"] for row in self.events(step)]

    def position(self) -> Row:
        """Return the workflow row."""
        with reading(self.volume) as journal:
            row = position(journal)
        assert row is not None
        return row

    def status(self, step: str) -> Row:
        """Return the row of a step in the journal's view."""
        with reading(self.volume) as journal:
            return next(row for row in steps(journal) if row["name"] == step)

    def broken_link(self) -> int | None:
        """Return where the journal's chain is broken, if it is."""
        with reading(self.volume, unsealed=True) as journal:
            return broken_link(journal)


def hold_as(volume: Path, name: str, pid: int | None = None) -> None:
    """Take a lock until the tests end, or it is let go, in the name of a living process, by default this one."""
    home = volume / ".zflow"
    home.mkdir(mode=0o700, exist_ok=True)
    path = home / name
    path.write_text(json.dumps(vars(named(os.getpid() if pid is None else pid))))
    if path not in HOLDING:
        HOLDING[path] = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(HOLDING[path], fcntl.LOCK_EX | fcntl.LOCK_NB)


def let_go(volume: Path, name: str) -> None:
    """Give back what `hold_as` took; the file still names the holder, as a killed one's does."""
    os.close(HOLDING.pop(volume / ".zflow" / name))


def again(step: Step, **changes: Any) -> Step:
    """Return the step as a later image has it."""
    return replace(step, **changes)
