"""The walker as a process: opens what a walk needs, obeys signals, and says by its exit code how the walk ended.

Started by the supervisor (`zflow run`) or, where none is alive, by `zflow resume`. It loads the heavy libraries and
ends when nothing is due.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from zflow import codes
from zflow.errors import Interrupted, OperatorError, ZflowError
from zflow.exits import Exit
from zflow.host.boot import boot_identity
from zflow.host.clock import system_clock
from zflow.host.files import make_folder, remove_file
from zflow.host.leftovers import end_leftovers
from zflow.host.shell import Shell
from zflow.journal.event import IN_ORDER, Event
from zflow.journal.ground import check_ground
from zflow.journal.layout import home, journal_file, request_file
from zflow.journal.writer import Journal, Position, open_journal
from zflow.output import Announce, announcer
from zflow.progress import forget
from zflow.secret import Redactor
from zflow.settings import Settings, files, load
from zflow.step import Product
from zflow.supervise.lock import permit, writing
from zflow.terminal.words import counted
from zflow.walk.machine import BLOCKED, FAILED, SERVING
from zflow.walk.surroundings import Surroundings
from zflow.walk.walker import Walker, listed
from zflow.walk.watchlist import leave, leave_names, settings_watch

PR_SET_PDEATHSIG = 1
PATIENCE = 5.0
"""Seconds to wait until another writer, such as `reset-state`, releases the journal."""


def walk(product: Product, volume: Path, environment: Mapping[str, str], reason: str, *, deep: bool = False) -> Exit:
    """Walk once, and again on request while background steps still run; return how the last walk ended."""
    run, redactor = _run(), Redactor()
    announce = announcer(redactor.clean, system_clock)
    try:
        permit(volume)
        prepare_home(product, volume)
        with _journal(product, volume, run, redactor) as journal:
            remove_file(request_file(volume))  # the journal says what was requested
            leave_names(volume, product)
            forget(home(volume) / "progress")
            try:
                settings = load(product.settings, environment, volume)
            except OperatorError as error:
                leave(home(volume), [settings_watch(files(environment, volume))])
                return _block(product, journal, error, announce)
            around = _surroundings(volume, settings, run, redactor, announce)
            if ended := end_leftovers(f"{volume}:{run}", f"{volume}:"):
                announce(f"ended {counted(ended, 'process', 'processes')} of an earlier walker")

            def reload() -> None:
                around.renew(load(product.settings, environment, volume))

            with closing(Walker(product, journal, around, _obey(around), reload)) as walker:
                return _walk_all(walker, reason, deep=deep)
    except Interrupted:
        return Exit.IN_PROGRESS
    except OperatorError as error:
        announce(f"refused: {error}", f"what to do: {error.code.remedy}")
        return codes.refusal(error.code)


def shut_down(product: Product, volume: Path, environment: Mapping[str, str]) -> Exit:
    """Stop what the product runs, before the container ends: also with wrong settings, or without a usable journal.

    Raises OperatorError(HELD) when another container holds the volume: its process files name other processes here.
    """
    permit(volume)
    run, redactor = _run(), Redactor()
    announce = announcer(redactor.clean, system_clock)
    try:
        settings = load(product.settings, environment, volume)
    except OperatorError:
        settings = Settings({})
    around = _surroundings(volume, settings, run, redactor, announce)
    announce("stopping the services")
    event = Event("ended", detail=IN_ORDER)
    try:
        product.shutdown(around.product_context())
    except ZflowError as error:
        announce(f"{error}")
        event = Event("ended", code=error.code.id, detail=f"stopping the services: {error.detail}")
    with contextlib.suppress(OperatorError), _journal(product, volume, run, redactor) as journal:
        journal.record([event])
    return Exit.VALID


def _run() -> str:
    """Return a new identity of a process, which the journal notes with its events."""
    return uuid.uuid4().hex[:8]


@contextlib.contextmanager
def _journal(product: Product, volume: Path, run: str, redactor: Redactor) -> Iterator[Journal]:
    """Hold the volume for writing, with its journal open and restored."""
    boot, clean = boot_identity(), redactor.clean
    with (
        writing(volume, PATIENCE),
        closing(open_journal(volume, clock=system_clock, boot=boot, run=run, clean=clean)) as journal,
    ):
        journal.restore(listed(product))
        yield journal


def _surroundings(volume: Path, settings: Settings, run: str, redactor: Redactor, announce: Announce) -> Surroundings:
    shell = Shell(root=volume, tag=f"{volume}:{run}", log=lambda _line: None)
    return Surroundings(volume, settings, boot_identity(), shell, redactor, announce)


def _walk_all(walker: Walker, reason: str, *, deep: bool) -> Exit:
    state = walker.walk(reason, deep=deep)
    while state in {FAILED, BLOCKED} and (again := walker.linger()):
        state = walker.walk(again, deep=again == "resume")
    return Exit.VALID if state == SERVING else Exit.STOPPED


def prepare_home(product: Product, volume: Path) -> None:
    """Make zflow's folder on a volume that has none, after the product has agreed to take the volume.

    Raises OperatorError: whatever the product refuses with, VOLUME_READ_ONLY, DISK_FULL, NO_INODES, NOT_A_FOLDER or
    NOT_A_FILE.
    """
    check_ground(volume)
    if not journal_file(volume).exists():
        product.admit(volume)
    try:
        make_folder(home(volume), 0o700)
    except OSError as error:
        code = codes.meant(error, volume) or codes.VOLUME_READ_ONLY
        raise OperatorError(code, f"{volume}: {error.strerror}") from error


def _block(product: Product, journal: Journal, error: OperatorError, announce: Announce) -> Exit:
    place = journal.position.place if journal.position else product.states[0].name
    position = Position(BLOCKED, place, code=error.code.id, detail=error.detail, remedy=error.code.remedy)
    event = Event("blocked", code=error.code.id, error_class="operator", detail=error.detail)
    journal.record([event], position)
    announce(f"blocked: {error}", f"what to do: {error.code.remedy}")
    return Exit.STOPPED


def _obey(around: Surroundings) -> threading.Event:
    """Install the signal handlers: TERM and INT stop at once, USR1 ends a back-off. Returns the event USR1 sets."""
    wake = threading.Event()

    def stop(*_: object) -> None:
        around.stop()
        wake.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGUSR1, lambda *_: wake.set())
    return wake


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies, so that no walker outlives its supervisor."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(Exit.IN_PROGRESS)
