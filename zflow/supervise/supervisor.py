"""`zflow run`: the light process that lives as long as the container, and starts the heavy walker when a walk is due.

It owns the signals, the watches and the end of the services. It loads little of the standard library and leaves the
rest to children, so that it needs little more memory than a bare interpreter. It is a child of tini, which reaps
orphans. It waits only for its own children, by their numbers, so that it takes no exit code from anyone else.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from zflow import codes
from zflow.errors import OperatorError
from zflow.exits import WALK_STOPPED, Exit
from zflow.host import signals
from zflow.host.children import answer, end, spawn
from zflow.host.clock import second
from zflow.host.oom import oom_kills
from zflow.journal.layout import home, journal_file, pause_file, paused, request_file
from zflow.output import put
from zflow.supervise.endpoint import Keeper
from zflow.supervise.inputs import CHANGED, Watcher
from zflow.supervise.lock import RUNNER, held, permit
from zflow.supervise.schedule import DEATHS, RESUME, Schedule

ZFLOW = (sys.executable, "-m", "zflow")
TICK = 1.0
"""Seconds between two looks at the watched inputs and the clock."""
BUSY = 5.0
"""Seconds to wait while another command, such as `reset-state`, writes the journal."""
LATER = 60.0
"""Seconds until a volume that became unusable under a running server is checked again."""
STOPPING = 15.0
"""Seconds that a walker has to reach its safe point; its commands get ten of them. Then the services are stopped in any
case: they need the rest of the engine's grace period."""


def run(volume: Path, zflow: tuple[str, ...] = ZFLOW) -> Exit:
    """Supervise the volume until a signal ends it; return the container's exit code. `zflow` is the command to call."""
    signals.block()
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if not journal_file(volume).exists() and (refused := _wait(spawn((*zflow, "admit")))) != Exit.VALID:
        return Exit(refused) if refused in set(Exit) else Exit.STOPPED
    try:
        permit(volume, BUSY)
        with held(volume, RUNNER):
            permit(volume)
            pause_file(volume).unlink(missing_ok=True)
            return _Supervisor(volume, zflow).live()
    except OperatorError as error:
        _say(f"refused: {error}")
        _say(f"what to do: {error.code.remedy}")
        return codes.refusal(error.code)


class _Supervisor:
    """Holds the walker's process number and everything that decides when to walk again."""

    def __init__(self, volume: Path, zflow: tuple[str, ...]) -> None:
        self._volume = volume
        self._zflow = zflow
        self._watcher = Watcher(home(volume) / "watches.json")
        self._endpoint = Keeper(lambda: spawn((*zflow, "endpoint")))
        self._schedule = Schedule()
        self._walker: int | None = None
        self._walked = False
        """Whether a walk in this container has ended: then a server may run."""
        self._killed = oom_kills()
        self._order: tuple[int, int] | None = None
        """The file of the last order that was obeyed: its inode and its time."""

    def live(self) -> Exit:
        self._start("start of the container")
        while True:
            number = signals.caught(TICK)
            if number in {signal.SIGTERM, signal.SIGINT}:
                return self._end()
            if number == signal.SIGHUP:
                self._look_again()
            elif number == signal.SIGUSR1:
                self._resume()
            elif number == signal.SIGCHLD and (ended := self._reap()) is not None:
                return ended
            self._endpoint.look()
            if self._walker is None and not paused(self._volume):
                self._look()

    def _start(self, reason: str, *, deep: bool = False) -> None:
        """Start a walk, or let one follow the present one; `deep` when the operator asked for it."""
        if self._walker is not None:
            self._schedule.follow(reason, deep=deep)
            return
        self._schedule.begin(reason, deep=deep)
        self._watcher.forget()
        self._walker = spawn((*self._zflow, "walk", "--reason", reason, *(["--deep"] if deep else [])))
        self._endpoint.ask()

    def _look_again(self) -> None:
        """Walk at once or, during a pause, after `zflow resume`."""
        reason = "HUP: inputs are checked again"
        if paused(self._volume):
            _say("HUP: paused; inputs are checked again after `zflow resume`")
            self._schedule.follow(reason, deep=True)
        else:
            self._start(reason, deep=True)

    def _resume(self) -> None:
        pause_file(self._volume).unlink(missing_ok=True)  # the signal alone ends a pause too
        if self._walker is not None:
            os.kill(self._walker, signal.SIGUSR1)
            self._schedule.wake()
        else:
            self._start(RESUME, deep=True)

    def _look(self) -> None:
        """Start a walk if there is a reason for one."""
        schedule = self._schedule
        if schedule.blind and not schedule.come:
            return
        if pending := schedule.next:
            reason, deep = pending
            self._start(reason, deep=deep)
        elif asked := self._requested():
            self._start(asked)
        elif changed := self._watcher.look(awaiting=schedule.awaited):
            _say(f"{CHANGED}{changed}")
            self._start(f"{CHANGED}{changed}")
        elif schedule.come:
            self._start("time for the next try")

    def _requested(self) -> str | None:
        """Return why a command asks for a walk, once for each order; the walker removes the order when it begins."""
        order = request_file(self._volume)
        try:
            stat = order.stat()
            if self._order == (mark := (stat.st_ino, stat.st_mtime_ns)):
                return None
            reason = order.read_text(errors="replace").strip()
        except OSError:
            return None
        self._order = mark
        return reason or "requested by the operator"

    def _reap(self) -> Exit | None:
        """Take in what ended; return the container's exit code when it cannot go on."""
        self._watcher.reap()
        self._endpoint.reap()
        if self._walker is None:
            return None
        pid, status = os.waitpid(self._walker, os.WNOHANG)
        if pid == 0:
            return None
        self._walker = None
        return self._ended(os.waitstatus_to_exitcode(status))

    def _ended(self, code: int) -> Exit | None:
        """Decide what follows a walker that ended; return the container's exit code when nothing can."""
        schedule = self._schedule
        schedule.end(valid=code == Exit.VALID)
        if code in {Exit.VALID, WALK_STOPPED}:
            self._walked = True
            schedule.settle(self._next_try())
        elif code == Exit.HELD:
            schedule.repeat(BUSY)
        elif code == Exit.REFUSED and self._walked:
            _say("the server runs on; the volume is checked again in a minute")
            schedule.repeat(LATER)
        elif code == Exit.REFUSED:
            return self._end(Exit.REFUSED)
        else:
            too_often = schedule.die()
            self._tell_death(code)
            return self._end(Exit.STOPPED) if too_often else None
        return None

    def _tell_death(self, code: int) -> None:
        _say(f"the walker ended with {code}, {self._schedule.deaths} of {DEATHS} times in a row")
        killed, self._killed = self._killed, oom_kills()
        if self._killed > killed:
            count = self._killed - killed
            processes = "1 process" if count == 1 else f"{count} processes"
            _say(f"out of memory: the kernel ended {processes} of this container; give it more memory")

    def _next_try(self) -> float | None:
        """Return the time of the next try by the wall clock, None when there is none."""
        told = answer(lambda: journalled_try(self._volume))
        if told is None:
            _say("the journal does not answer; it is read again in a minute")
            return time.time() + LATER
        return float(told) if told else None

    def _end(self, code: Exit = Exit.VALID) -> Exit:
        """Let the walker reach a safe point, then stop the services: whatever ends the container."""
        self._endpoint.close()
        if self._walker is not None and (said := end(self._walker, STOPPING)):
            _say(f"the walker: {said}; the services are stopped anyway")
        self._watcher.close()
        _wait(spawn((*self._zflow, "shut-down")))
        return code


def journalled_try(volume: Path) -> str:
    """Return the time of the next try as the journal has it, in seconds since the epoch; empty when there is none."""
    from zflow.journal.reader import position, reading

    with contextlib.suppress(OperatorError), reading(volume) as journal:
        row = position(journal)
        return str(row["next_try"] or "") if row else ""
    return ""


def _wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _say(line: str) -> None:
    put(f"{second(time.time())}  {line}")
