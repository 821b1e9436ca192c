"""One life of a walker process over the simulated machine: the real Walker, settle, Chain, Journal and locks.

What is simulated stands at the edges: the steps' effects, the clock, waiting, and the threads of work ahead of time,
whose turns the dice decide, so that a seed repeats everything. The journal lies on tmpfs where there is one.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillRunning
from pathlib import Path
from typing import Any
from unittest import mock

from sqlalchemy import Engine, create_engine

from tests.crash.host import Death, Host, Ticking, Violation
from zflow import codes
from zflow.errors import Interrupted, OperatorError
from zflow.host.shell import Shell
from zflow.journal import connect
from zflow.journal.event import Event
from zflow.journal.record import Record
from zflow.journal.writer import Journal, Position, open_journal
from zflow.secret import Redactor
from zflow.settings import Settings
from zflow.step import Product
from zflow.supervise.lock import WALKER, held
from zflow.walk import ahead, attempt, protocol, reset, walker
from zflow.walk.machine import BLOCKED, FAILED
from zflow.walk.surroundings import Surroundings
from zflow.walk.task import Outcome, Task
from zflow.walk.walker import Walker, listed

KNOWN: list[Engine] = []
ENOUGH = 40
"""So many walks at most in one life."""


def memory() -> Path | None:
    """Return where files cost no syncs; None where the machine has no such place."""
    place = Path("/dev/shm")
    return place if place.is_dir() else None


@contextlib.contextmanager
def empty_volume() -> Iterator[Path]:
    """Make a volume whose journal has today's schema and nothing in it."""
    with tempfile.TemporaryDirectory(dir=memory(), prefix="zflow-crash-") as folder:
        volume = Path(folder, "volume")
        (volume / ".zflow").mkdir(parents=True)
        with mock.patch.object(connect, "BALLAST", 0):
            open_journal(volume, clock=lambda: 0.0, boot="none", run="none").close()
        yield volume


def copied(source: Path, target: Path) -> Path:
    """Replace a volume by a copy of another."""
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(source, target))


class Turns:
    """Stands for the pool of threads: a piece of work is done, whole, when the dice give it the turn."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._given: list[Turn] = []

    def submit(self, work: Callable[[], Outcome]) -> Turn:
        """Take a piece of work."""
        self._given.append(Turn(self._host, work))
        return self._given[-1]

    def shutdown(self, *, wait: bool, cancel_futures: bool) -> None:
        """End all work that was begun, as the real pool does; a dead process does none."""
        for each in self._given:
            with contextlib.suppress(Exception, Interrupted):
                each.take()


class Turn(Future[Outcome]):
    """One piece of work."""

    def __init__(self, host: Host, work: Callable[[], Outcome]) -> None:
        super().__init__()
        self._host = host
        self._work: Callable[[], Outcome] | None = work

    def take(self) -> None:
        """Do the work, unless it is done."""
        work, self._work = self._work, None
        if work is None:
            return
        try:
            self.set_result(work())
        except (Death, Violation):
            raise
        except BaseException as error:  # noqa: BLE001 - a future keeps what its work raised
            self.set_exception(error)

    def done(self) -> bool:
        """Tell whether it has ended; looking may be what gives it the turn."""
        if self._work is not None and self._host.dice.random() < self._host.turn:
            self.take()
        return super().done()

    def result(self, timeout: float | None = None) -> Outcome:
        """Return what it returned."""
        if not self.done():
            raise StillRunning
        return super().result()


class Life:
    """A process that holds the volume; `walk` ends as the host's fate will have it."""

    def __init__(self, host: Host, volume: Path, product: Product, heard: Callable[[Sequence[Event]], None]) -> None:
        """`heard` is told of the events of each commit, once they are durable."""
        self._host = host
        self._volume = volume
        self._product = product
        self._heard = heard
        self.restored: dict[str, Record] = {}
        self.remembered: dict[str, Record] | None = None
        """What the journal knew of the steps at the end, in memory."""
        self.settled = 0
        """How many steps were taken."""

    def walk(self, reason: str = "start", *, deep: bool = False) -> str | None:
        """Live; return the machine's state, None when told to stop. Raises Death."""
        with self._edges(), held(self._volume, WALKER), contextlib.closing(self._open()) as journal:
            journal.restore(listed(self._product))
            self.restored = dict(journal._records)
            around = self._surroundings()
            wake = Ticking(self._host)

            def stop() -> None:
                around.stop()
                wake.set()

            self._host.stop = stop
            walking = Walker(self._product, journal, around, wake)
            try:
                return self._walk_all(walking, reason, deep=deep)
            except Interrupted:
                return None
            finally:
                with contextlib.suppress(Interrupted):
                    self._end(walking, journal)

    def _walk_all(self, walking: Walker, reason: str, *, deep: bool) -> str:
        state = walking.walk(reason, deep=deep)
        for _ in range(ENOUGH):
            if state not in {FAILED, BLOCKED} or (again := walking.linger()) is None:
                break
            state = walking.walk(again, deep=again == "resume")
        return state

    def _end(self, walking: Walker, journal: Journal) -> None:
        if self._host.dead:
            walking._ahead._pool._given.clear()  # type: ignore[attr-defined]  # a dead process has no threads
        else:
            walking.close()
        self.remembered = dict(journal._records)

    def _open(self) -> Journal:
        boot = f"boot-{self._host.boot}"
        return open_journal(self._volume, clock=self._host.clock, boot=boot, run=f"run-{self._host.passed}")

    def _surroundings(self) -> Surroundings:
        shell = Shell(root=self._volume, tag="world", log=lambda _line: None)
        around = Surroundings(
            self._volume, Settings({}), f"boot-{self._host.boot}", shell, Redactor(), clock=self._host.clock
        )
        around.stopping = Ticking(self._host)
        return around

    @contextlib.contextmanager
    def _edges(self) -> Iterator[None]:
        """Put the simulated edges in the place of the real ones."""
        record, settle, host = Journal.record, protocol.settle, self._host

        def recorded(journal: Journal, events: Sequence[Event], position: Position | None = None) -> None:
            what = arrow(events)
            host.point(f"{what}: before the commit")
            record(journal, events, position)
            for each in events:
                if each.step is not None:
                    begun = journal.step(each.step).cut_off
                    (host.begun.add if begun else host.begun.discard)(each.step)
            self._heard(events)
            host.point(f"{what}: after the commit")

        def synced(_folder: Path) -> None:
            host.point("sync: before")
            host.sync()
            host.point("sync: after")

        def counted(task: Task) -> Outcome:
            self.settled += 1
            return settle(task)

        with contextlib.ExitStack() as stack:
            for place, name, value in (
                (Journal, "record", recorded),
                (connect, "BALLAST", 0),
                (attempt, "sync_volume", synced),
                (connect, "create_engine", practised),
                (connect, "file_system", lambda _path: "tmpfs"),
                (walker, "settle", counted),
                (ahead, "PATROL", 0.0),
                (ahead, "ThreadPoolExecutor", lambda **_: Turns(host)),
            ):
                stack.enter_context(mock.patch.object(place, name, value))
            yield


def practised(*args: Any, **options: Any) -> Engine:
    """Return an engine that knows what those before it have compiled: most of a life's time, and no matter here."""
    engine = create_engine(*args, **options)
    if KNOWN:
        engine.dialect, engine._compiled_cache = KNOWN[0].dialect, KNOWN[0]._compiled_cache
    else:
        KNOWN.append(engine)
    return engine


def arrow(events: Sequence[Event]) -> str:
    """Return what a commit says of steps, in the order of its events, such as `base.once done, base.boot started`."""
    return ", ".join(f"{each.step} {each.kind}" for each in events if each.step) or "walk"


def reset_is_refused(product: Product, volume: Path, state: str) -> bool:
    """Tell whether a reset finds the volume held, as it must while a process lives."""
    return _refused(lambda: reset.reset(product, volume, state))


def start_is_refused(volume: Path) -> bool:
    """Tell whether a second process finds the volume held, as it must while one lives."""

    def start() -> None:
        with held(volume, WALKER):
            pass

    return _refused(start)


def _refused(what: Callable[[], Any]) -> bool:
    try:
        with mock.patch.object(reset, "PATIENCE", 0.0):
            what()
    except OperatorError as error:
        return error.code in codes.HOLDING
    return False


def roll(seed: str) -> random.Random:
    """Return the dice of a seed; tenacity's jitter is thrown by the interpreter's own, which are set as well."""
    random.seed(seed)
    return random.Random(seed)
