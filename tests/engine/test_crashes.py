"""Every crash and every pair of crashes: wherever the process ends, the next ones bring the walk to its end.

The points are both sides of each commit, and within each apply before and after its effect. An effect adds a line to
`effects`, and its probe sees that very line: so a doubled effect would be seen, and none may ever be.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.engine.toy import AT_ONCE, Bench, Crash, effects, product
from zflow import codes
from zflow.context import Context
from zflow.errors import TransientError
from zflow.journal import connect
from zflow.journal.event import Event
from zflow.journal.writer import Journal, Position
from zflow.retry import POLICIES
from zflow.step import Evidence, Scope, Step
from zflow.walk import attempt

pytestmark = pytest.mark.slow

NAMES = ("one.once", "one.flaky", "two.boot", "two.plain", "three.last")
PAIRED = 2
"""So many steps have every pair of crashes; all of them have every single one."""


class World:
    """Counts the points a process passes, and ends it at the one it is told to."""

    def __init__(self) -> None:
        self.passed = 0
        self.fatal = 0

    def start(self, fatal: int) -> None:
        """Begin a process that ends at its so-manieth point; 0 for one that lives."""
        self.passed, self.fatal = 0, fatal

    def point(self) -> None:
        """Pass a point, or end there."""
        self.passed += 1
        if self.passed == self.fatal:
            raise Crash


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose journal passes a point before and after each commit. Nothing but the process can fail here,
    so the file system is spared the syncs."""
    here, record = World(), Journal.record

    def recorded(self: Journal, events: Sequence[Event], position: Position | None = None) -> None:
        here.point()
        record(self, events, position)
        here.point()

    monkeypatch.setattr(Journal, "record", recorded)
    monkeypatch.setattr(connect, "BALLAST", 0)
    monkeypatch.setattr(attempt, "sync_volume", lambda _folder: None)
    monkeypatch.setitem(POLICIES, "at-once", AT_ONCE)
    return here


def crashing(name: str, world: World, **options: object) -> Step:
    """Return a step with a point on each side of its effect."""

    def probe(ctx: Context) -> Evidence | None:
        return Evidence("its line is there") if name in effects(ctx.volume) else None

    def apply(ctx: Context) -> None:
        assert name not in effects(ctx.volume), f"{name} is doubled"
        world.point()
        if name == "one.flaky" and not (ctx.volume / "tried").exists():
            (ctx.volume / "tried").touch()
            raise TransientError(codes.COMMAND, "the first try fails")
        with (ctx.volume / "effects").open("a") as file:
            file.write(f"{name}\n")
        world.point()

    return Step(name=name, title=name, probe=probe, apply=apply, retry="at-once", **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume whose journal has today's schema and nothing in it."""
    volume = tmp_path_factory.mktemp("template")
    (volume / ".zflow").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connect, "BALLAST", 0)
        Bench(volume).journal().close()
    return volume


class Quick(Bench):
    """A bench whose journal does not sync: what ends here is the process, not the power."""

    def journal(self) -> Journal:
        opened = super().journal()
        raw = opened._connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.execute("PRAGMA synchronous=OFF")
        return opened


class Trial:
    """One volume and the processes that walk it one after another."""

    def __init__(self, volume: Path, world: World, count: int) -> None:
        self.volume = volume
        self.names = NAMES[:count]
        self.world = world
        self.bench = Quick(volume)
        steps = (
            crashing("one.once", world, once=True),
            crashing("one.flaky", world, cleanup=self._clean),
            crashing("two.boot", world, scope=Scope.BOOT),
            crashing("two.plain", world),
            crashing("three.last", world),
        )
        self.what = product(*steps[:count])

    def _clean(self, ctx: Context) -> None:
        """A cleanup finds nothing but an attempt without effect."""
        assert "one.flaky" not in effects(ctx.volume)
        self.world.point()

    def process(self, fatal: int = 0) -> bool:
        """Walk as one process; return whether it lived to the end."""
        self.world.start(fatal)
        try:
            assert self.bench.walk(self.what) == "serving"
        except Crash:
            return False
        return True

    def check(self) -> None:
        """Nothing lost, nothing doubled, and the history tells of it without a break."""
        assert effects(self.volume) == list(self.names)
        assert self.bench.broken_link() is None
        assert self.bench.position()["state"] == "serving"
        events = self.bench.events()
        for name in self.names:
            kinds = [row["kind"] for row in events if row["step"] == name]
            assert len({"done", "recovered", "satisfied"}.intersection(kinds)) == 1, (name, kinds)
            assert kinds[-1] in {"done", "recovered", "satisfied"}, (name, kinds)


def copied(source: Path, target: Path) -> Path:
    """Return a fresh copy of a volume, as its disk stands now."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return target


def test_every_single_crash_is_survived(tmp_path: Path, template: Path, world: World) -> None:
    """Wherever the first process of five steps ends, the second one completes the walk."""
    fatal = 1
    while not (trial := Trial(copied(template, tmp_path / "volume"), world, len(NAMES))).process(fatal):
        assert trial.process()
        trial.check()
        fatal += 1
    trial.check()
    assert fatal > 25


def test_every_pair_of_crashes_is_survived(tmp_path: Path, template: Path, world: World) -> None:
    """A crash at each point, and another at each point of the process after it, lose and double nothing."""
    first, pairs = 1, 0
    while not Trial(copied(template, tmp_path / "first"), world, PAIRED).process(first):
        second = 1
        while not (trial := Trial(copied(tmp_path / "first", tmp_path / "second"), world, PAIRED)).process(second):
            assert trial.process()
            trial.check()
            second += 1
        trial.check()
        first += 1
        pairs += second - 1
    assert first > 12
    assert pairs > 100
