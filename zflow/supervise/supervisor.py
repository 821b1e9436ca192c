"""`zflow run`: the light process that lives as long as the container, and starts the heavy walker when a walk is due.

It owns the signals, the watch on inputs and the end of the services. Of the standard library it loads what it always
uses, and asks for the rest in a child: it idles in little more memory than a bare interpreter. It is a child of tini,
which reaps orphans; this process waits only for children it started itself, by their numbers, so that no exit code is
ever stolen.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from zflow import codes
from zflow.errors import OperatorError
from zflow.exits import WALK_STOPPED, Exit
from zflow.host import signals
from zflow.host.children import KILLED, end, ended_within, kill, spawn
from zflow.host.clock import second
from zflow.host.oom import oom_kills
from zflow.journal.layout import home, journal_file, pause_file, paused, request_file
from zflow.output import put
from zflow.supervise.endpoint import Keeper
from zflow.supervise.inputs import CHANGED, Watcher
from zflow.supervise.lock import RUNNER, held, permit

ZFLOW = (sys.executable, "-m", "zflow")
TICK = 1.0
"""Seconds between two looks at the watched inputs and the clock."""
DEATHS = 5
"""So many times in a row may the walker die without an answer before the container ends."""
PAUSE = 1.0
"""Seconds to wait after the first death, twice as many after the second, and so on."""
BUSY = 5.0
"""Seconds to wait while another command, such as `reset-state`, writes the journal."""
LATER = 60.0
"""Seconds until a volume that has become unusable under a running server is looked at again."""
STOPPING = 15.0
"""Seconds that a walker has to reach its safe point, of which its commands get ten; then the services are stopped all
the same: they need what is left of the engine's grace period."""
ANSWER = 10.0
"""Seconds that the journal has to tell of the next try: the volume may hang."""
ENOUGH = 4096
"""Bytes of an answer, which comes whole: pipe(7), PIPE_BUF."""
LONGEST = 3600.0
"""Seconds at most until a next try, whatever the wall clock has done since it was written down."""


def run(volume: Path, zflow: tuple[str, ...] = ZFLOW) -> Exit:
    """Supervise the volume until told to stop; return the container's exit code. `zflow` is the command to call."""
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
    """Holds the walker's process number, the watcher, and when to walk again."""

    def __init__(self, volume: Path, zflow: tuple[str, ...]) -> None:
        self._volume = volume
        self._zflow = zflow
        self._watcher = Watcher(home(volume) / "watches.json")
        self._endpoint = Keeper(lambda: spawn((*zflow, "endpoint")))
        self._walker: int | None = None
        self._deaths = 0
        self._again: float | None = None
        self._blind = False
        """Whether only the time starts the next walk: the last one left no list of what is to be watched."""
        self._pending: tuple[str, bool] | None = None
        self._woken = False
        self._reason = ""
        self._deep = False
        self._walked = False
        self._killed = oom_kills()
        self._honoured: tuple[int, int] | None = None

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
            self._look()

    def _start(self, reason: str, *, deep: bool = False) -> None:
        """Start a walk, or have one follow the present one; `deep` on the operator's word."""
        if self._walker is not None:
            self._pending = (reason, deep)
            return
        self._again = None
        self._blind = False
        self._pending = None
        self._woken = False
        self._reason, self._deep = reason, deep
        self._watcher.forget()
        self._walker = spawn((*self._zflow, "walk", "--reason", reason, *(["--deep"] if deep else [])))
        self._endpoint.ask()

    def _look_again(self) -> None:
        """Walk at once, or, while the operator works by hand, once he has resumed."""
        reason = "HUP: inputs are looked at again"
        if paused(self._volume):
            _say("HUP: paused; inputs are looked at again with `zflow resume`")
            self._pending = (reason, True)
        else:
            self._start(reason, deep=True)

    def _resume(self) -> None:
        pause_file(self._volume).unlink(missing_ok=True)  # the signal alone means the same
        if self._walker is not None:
            os.kill(self._walker, signal.SIGUSR1)
            self._woken = True
            if not self._deep:
                self._pending = ("resume", True)  # the walk under way does not look as thoroughly as is wanted
        else:
            self._start("resume", deep=True)

    def _look(self) -> None:
        self._endpoint.look()
        if self._walker is not None:
            return
        if paused(self._volume):
            return
        due = self._again is not None and time.monotonic() >= self._again
        if self._blind and not due:
            return
        if self._pending and (due or self._again is None):
            reason, deep = self._pending
            self._start(reason, deep=deep)
        elif asked := self._requested():
            self._start(asked)
        elif changed := self._watcher.look(awaiting=self._again is not None):
            reason = f"{CHANGED}{changed}"
            _say(reason)
            self._start(reason)
        elif due:
            self._start("time for the next try")

    def _requested(self) -> str | None:
        """Return why a command asks for a walk, once for each order; the walker takes the order away when it begins."""
        order = request_file(self._volume)
        try:
            stat = order.stat()
            if self._honoured == (mark := (stat.st_ino, stat.st_mtime_ns)):
                return None
            reason = order.read_text(errors="replace").strip()
        except OSError:
            return None
        self._honoured = mark
        return reason or "on the operator's word"

    def _reap(self) -> Exit | None:
        """Take in what ended; return the container's exit code when there is no going on."""
        self._watcher.reap()
        self._endpoint.reap()
        if self._walker is None:
            return None
        pid, status = os.waitpid(self._walker, os.WNOHANG)
        if pid == 0:
            return None
        self._walker = None
        code = os.waitstatus_to_exitcode(status)
        if self._woken and code != Exit.VALID:
            self._pending = self._pending or ("resume", True)  # it may have ended before it heard the operator
        if code == Exit.HELD:
            self._rest(BUSY)
            return None
        if code == Exit.REFUSED:
            if not self._walked:
                return self._end(Exit.REFUSED)
            _say("the server runs on; it is looked at again in a minute")
            self._rest(LATER)
            return None
        if code in {Exit.VALID, WALK_STOPPED}:
            self._walked, self._deaths = True, 0
            self._again = self._next_try()
            if self._pending:
                self._again = None
            return None
        self._deaths += 1
        self._tell_death(code)
        if self._deaths >= DEATHS:
            return self._end(Exit.STOPPED)
        self._rest(self._deaths * PAUSE)
        return None

    def _rest(self, seconds: float) -> None:
        """Walk again after so long, to the same end, whatever the watches say: they are of an earlier walk."""
        self._pending = self._pending or (self._reason, self._deep)
        self._again, self._blind = time.monotonic() + seconds, True

    def _tell_death(self, code: int) -> None:
        _say(f"the walker ended with {code}, {self._deaths} of {DEATHS} times in a row")
        killed, self._killed = self._killed, oom_kills()
        if self._killed > killed:
            _say(f"out of memory: the kernel ended {self._killed - killed} processes of this container; give it more")

    def _next_try(self) -> float | None:
        """Return when to walk by itself again, on the monotonic clock: the wall clock may be set meanwhile."""
        answer = asked_apart(lambda: journalled_try(self._volume))
        if answer is None:
            _say("the journal does not answer; it is looked at again in a minute")
            return time.monotonic() + LATER
        return time.monotonic() + min(max(0.0, float(answer) - time.time()), LONGEST) if answer else None

    def _end(self, code: Exit = Exit.VALID) -> Exit:
        """Let the walker reach a safe point, then stop the services: whatever ends the container."""
        self._endpoint.close()
        if self._walker is not None and (said := end(self._walker, STOPPING)):
            _say(f"the walker: {said}; the services are stopped all the same")
        self._watcher.close()
        _wait(spawn((*self._zflow, "shut-down")))
        return code


def asked_apart(question: Callable[[], str]) -> str | None:
    """Return what a child process answers; what it loads for that, such as SQLite, is gone with it.

    Empty when it ended without an answer, None when it gave none in time and was killed.
    """
    outlet, inlet = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.write(inlet, question().encode())
        finally:
            os._exit(0)
    os.close(inlet)
    with os.fdopen(outlet, "rb", buffering=0) as pipe:
        told = bool(select.select([pipe], [], [], ANSWER)[0])
        answer = pipe.read(ENOUGH).decode() if told else None  # short enough for one write
    if not (told and ended_within(pid, KILLED)):
        kill(pid)
    return answer


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
