"""Volumes in every stage an operator may look at, with the image's own steps and a journal written as a walk would.

Times and durations are given, so that what is shown is the same at every run.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from states.product import PRODUCT
from tests.engine.toy import hold_as
from zflow import codes
from zflow.errors import Code
from zflow.host.boot import boot_identity
from zflow.journal.connect import driver
from zflow.journal.event import Event
from zflow.journal.layout import home, journal_file, log_name, pause_file
from zflow.journal.writer import Journal, Position, open_journal
from zflow.output import log_file
from zflow.supervise.lock import RUNNER, WALKER
from zflow.walk.walker import listed

START = 1_800_000_000.0
"""When each first start began: 2027-01-15 08:00 UTC."""
STATE_OF = {step.name: state.name for state in PRODUCT.states for step in state.steps}
ORDER = [step.name for step in PRODUCT.steps]
WEIGHT = {step.name: step.weight for step in PRODUCT.steps}
FIRST = {state.steps[0].name for state in PRODUCT.states}
AHEAD = {step.name for step in PRODUCT.steps if step.ahead}
SLOWNESS = 1.2
"""How much longer than declared the steps take on this imagined machine."""


class Tale:
    """Writes what a walk would have written, at times of the teller's choosing."""

    def __init__(self, volume: Path, journal: Journal, clock: list[float]) -> None:
        self.volume = volume
        self._journal = journal
        self._clock = clock

    @property
    def now(self) -> float:
        """Return the time of the tale."""
        return self._clock[0]

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self._clock[0] += seconds

    def begun(self, reason: str = "start of the container", state: str = "bootstrap") -> None:
        """Begin a walk."""
        self._record(Event("begun", detail=reason), Position(state, state))

    def entered(self, state: str) -> None:
        """Come to a state."""
        self._record(Event("entered", state=state), Position(state, state))

    def started(self, step: str, attempt: int = 1) -> None:
        """Begin an attempt."""
        place = None if step in AHEAD else Position(STATE_OF[step], STATE_OF[step], step)
        self._record(Event("started", STATE_OF[step], step, attempt, key="once"), place)

    def done(self, step: str, took: float | None = None, evidence: str = "as it should be", attempt: int = 1) -> None:
        """End an attempt well."""
        took = round(WEIGHT[step] * SLOWNESS, 1) if took is None else float(took)
        if step not in AHEAD:
            self.later(took)
        self._record(Event("done", STATE_OF[step], step, attempt, key="once", evidence=evidence, duration=took))

    def through(self, step: str, *, skip: frozenset[str] = frozenset()) -> None:
        """Do every step up to this one, that too."""
        for name in ORDER[: ORDER.index(step) + 1]:
            if name not in skip and name not in AHEAD:
                if name in FIRST:
                    self.entered(STATE_OF[name])
                self.started(name)
                self.done(name)

    def fault(
        self, kind: Any, step: str, code: Code, detail: str, *, wait: float | None = None, attempt: int = 1
    ) -> None:
        """End an attempt badly; with `wait` it is tried again after so many seconds."""
        next_try = None if wait is None else self.now + wait
        event = Event(kind, STATE_OF[step], step, attempt, None, None, code.id, "", detail, next_try, 3.0)
        log_file(home(self.volume) / log_name(step, attempt), str, lambda: self.now)(detail)
        place = Position(STATE_OF[step], STATE_OF[step], step)
        if kind in {"blocked", "gave-up"}:
            state = "blocked" if kind == "blocked" else "failed"
            place = Position(state, STATE_OF[step], step, code.id, detail, code.remedy, next_try)
        self._record(event, place)
        if kind in {"blocked", "gave-up"}:
            self._record(Event("ended", code=code.id))

    def serving(self) -> None:
        """Find all valid."""
        summary = f"{len(ORDER)} steps checked, {len(ORDER)} applied, 0 unchanged"
        self._record(Event("checked", detail=summary), Position("serving", "serving"))

    def progress(
        self, step: str, note: str, *, done: float = 0, total: float = 0, unit: str = "", rate: float = 0
    ) -> None:
        """Report how far a step is."""
        content = {"step": step, "done": done, "total": total, "unit": unit, "note": note, "rate": rate}
        (home(self.volume) / "progress" / f"{step}.json").write_text(json.dumps(content))

    def _record(self, event: Event, position: Position | None = None) -> None:
        self._journal.record([event], position)


@cache
def _empty_journal() -> bytes:
    """Return an empty journal's file; to make it by the migrations for each stage would take the most time."""
    with tempfile.TemporaryDirectory() as folder:
        volume = Path(folder)
        home(volume).mkdir()
        open_journal(volume, clock=lambda: START, boot="", run="").close()
        return journal_file(volume).read_bytes()


@contextmanager
def told(volume: Path, *, boot: str | None = None, at: float = START) -> Iterator[Tale]:
    """Open a tale on a volume; it begins at START or `at`, in this start of the container unless told otherwise."""
    home(volume).mkdir(mode=0o700, exist_ok=True)
    if not journal_file(volume).exists():
        journal_file(volume).write_bytes(_empty_journal())
    clock = [at]
    journal = open_journal(volume, clock=lambda: clock[0], boot=boot or boot_identity(), run=f"run-{at}")
    driver(journal._connection).execute("PRAGMA synchronous=OFF")  # no power cut is played here
    try:
        journal.restore(listed(PRODUCT))
        yield Tale(volume, journal, clock)
    finally:
        journal.close()


def none(_volume: Path) -> float:
    """Nothing was ever started here."""
    return START


def starting(volume: Path) -> float:
    """A runner lives, its walker has not made the journal yet."""
    hold_as(volume, RUNNER)
    return START


def building(volume: Path) -> float:
    """Ubuntu is being built, the release comes down beside it."""
    _at_work(volume)
    with told(volume) as tale:
        tale.begun()
        tale.started("install.archive")
        tale.started("tls.dh")
        tale.through("bootstrap.volume")
        tale.started("bootstrap.build")
        tale.later(17)
        tale.progress("bootstrap.build", "unpacking libc6 (2.27-3ubuntu1.6)", done=61, total=184, unit="packages")
        tale.progress("install.archive", "downloading", done=312e6, total=1_240e6, unit="bytes", rate=8.4e6)
        tale.progress("tls.dh", "searching 4096-bit Diffie-Hellman parameters on 4 cores")
        return tale.now


def configuring(volume: Path) -> float:
    """The vendor's setup is under way for longer than usual, in its second attempt."""
    _at_work(volume)
    with told(volume) as tale:
        tale.begun()
        tale.done("install.archive", 148)
        tale.started("tls.dh")
        tale.through("install.software")
        tale.started("install.setup")
        tale.later(40)
        tale.fault("failed", "install.setup", codes.COMMAND, "`zmsetup.pl` ended with 1", wait=12)
        tale.later(12)
        tale.started("install.setup", 2)
        tale.later(1925)
        tale.progress("install.setup", "Setting up syslog.conf", done=14, total=20, unit="stages")
        return tale.now


def waiting(volume: Path) -> float:
    """A mirror is dead; the next try comes in some minutes."""
    _at_work(volume)
    with told(volume) as tale:
        tale.begun()
        tale.done("install.archive", 148)
        tale.through("install.syslog")
        for attempt, pause in ((1, 2), (2, 4), (3, 252)):
            tale.started("install.source", attempt)
            tale.later(3)
            mirror = "`apt-get update` ended with 100: E: Failed to fetch http://repo.example.org/apt/87/dists/bionic"
            tale.fault("failed", "install.source", codes.COMMAND, mirror, wait=pause, attempt=attempt)
            tale.later(pause if attempt < 3 else 45)
        return tale.now


def failed(volume: Path) -> float:
    """The mirror stayed dead; the walk has stopped and goes on by itself later."""
    hold_as(volume, RUNNER)
    with told(volume) as tale:
        tale.begun()
        tale.done("install.archive", 148)
        tale.through("install.syslog")
        tale.started("install.source")
        tale.later(90)
        tale.fault("gave-up", "install.source", codes.TIME_LIMIT, "`apt-get update` was ended after 90 s", wait=900)
        tale.later(200)
        return tale.now


def blocked(volume: Path) -> float:
    """A wrong certificate; everything else was walked all the same."""
    hold_as(volume, RUNNER)
    code = next(code for code in PRODUCT.codes if code.id == "ZF-5014")
    with told(volume) as tale:
        tale.begun()
        tale.done("install.archive", 148)
        tale.done("tls.dh", 700)
        tale.through(ORDER[-1], skip=frozenset({"tls.pair", "tls.deployed", "tls.hsts"}))
        detail = (
            "/data/app/tls/zimbra.crt names mail.example.com and www.example.com; the server's name is "
            "mail.example.org, further names to be covered are autodiscover.example.org and imap.example.org"
        )
        tale.fault("blocked", "tls.pair", code, detail)
        tale.later(4000)
        return tale.now


def serving(volume: Path) -> float:
    """All is well."""
    hold_as(volume, RUNNER)
    _whole(volume)
    return START + 3 * 3600


def restarted(volume: Path) -> float:
    """The container was started anew; what lasts until it ends has not been looked at yet."""
    _whole(volume, boot="an-earlier-start")
    _at_work(volume)
    return START + 90_000


def renewing(volume: Path) -> float:
    """A renewed certificate is being deployed."""
    _whole(volume)
    _at_work(volume)
    with told(volume, at=START + 90_000) as tale:
        tale.begun("changed: certificate", "serving")
        tale.entered("tls")
        tale.started("tls.pair", 2)
        tale.done("tls.pair", attempt=2)
        tale.started("tls.deployed", 2)
        tale.later(31)
        tale.progress("tls.deployed", "proving the certificate on every port", done=4, total=8, unit="ports")
        return tale.now


def looking(volume: Path) -> float:
    """Everything is looked at again while it serves."""
    _whole(volume)
    _at_work(volume)
    with told(volume, at=START + 90_000) as tale:
        tale.begun("HUP: inputs are looked at again", "serving")
        tale.later(2)
        return tale.now


def alone(volume: Path) -> float:
    """No runner lives; `zflow resume` walks by itself."""
    now = configuring(volume)
    (home(volume) / RUNNER).unlink()
    return now


def stopped(volume: Path) -> float:
    """The container is down; the last walk was cut off."""
    with told(volume, boot="an-earlier-start") as tale:
        tale.begun()
        tale.through("install.answers")
        tale.started("install.software")
        tale.later(500)
        return tale.now


def paused(volume: Path) -> float:
    """The operator works by hand."""
    now = serving(volume)
    pause_file(volume).write_text("")
    return now


def unreadable(volume: Path) -> float:
    """The journal is damaged, the runner lives."""
    now = serving(volume)
    journal_file(volume).write_bytes(b"not a database, whatever its name says" * 100)
    return now


def _at_work(volume: Path) -> None:
    for name in (RUNNER, WALKER):
        hold_as(volume, name)


def _whole(volume: Path, boot: str | None = None) -> None:
    with told(volume, boot=boot) as tale:
        tale.begun()
        tale.done("install.archive", 148)
        tale.through("hardening.dkim")
        tale.done("tls.dh", 700)
        tale.through(ORDER[-1], skip=frozenset(ORDER[: ORDER.index("hardening.dkim") + 1]))
        tale.serving()


STAGES: dict[str, Callable[[Path], float]] = {
    stage.__name__: stage
    for stage in (
        none, starting, building, configuring, waiting, failed, blocked, serving, restarted, renewing, looking,
        alone, stopped, paused, unreadable,
    )
}  # fmt: skip
"""Each puts a fresh volume into its stage and returns the time to look at it."""
