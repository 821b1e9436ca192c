"""Processes that the supervisor started itself: how they are started, and ended without waiting for ever.

A process that the kernel keeps waiting for a disk ends by no signal; it is left behind, and the rest goes on.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable

from zflow.host.signals import SIGNALS

KILLED = 2.0
"""Seconds after which one that even KILL does not end is left behind."""
MOMENT = 0.01
"""Seconds between two looks whether it has ended."""
ANSWER = 10.0
"""Seconds that a child has for its answer: the volume that it reads may hang."""
ENOUGH = 4096
"""Bytes of an answer, which comes whole: pipe(7), PIPE_BUF."""


def spawn(argv: tuple[str, ...]) -> int:
    """Start a process with nothing blocked; return its number.

    Signals have their default effect, but for USR1: it stays ignored until the walker, while it loads, can obey it.
    """
    return os.posix_spawn(argv[0], list(argv), os.environ, setsigmask=(), setsigdef=SIGNALS - {signal.SIGUSR1})


def ended_within(pid: int, seconds: float) -> bool:
    """Wait for a child's end, at most so long; return whether it has ended."""
    deadline = time.monotonic() + seconds
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if time.monotonic() >= deadline:
            return False
        time.sleep(MOMENT)  # not by CHLD, which is the supervisor's: it may tell of another child
    return True


def end(pid: int, patience: float) -> str:
    """Tell a child to end and, when it has not after `patience` seconds, kill it; return what there is to say of that.

    One that was stopped goes on, to end in order. Empty when it did.
    """
    for number in (signal.SIGTERM, signal.SIGCONT):
        _send(pid, number)
    if ended_within(pid, patience):
        return ""
    return f"process {pid} did not end within {patience:.0f} s: " + ("killed" if kill(pid) else "left behind")


def kill(pid: int) -> bool:
    """Kill a child; return whether it has ended."""
    _send(pid, signal.SIGKILL)
    return ended_within(pid, KILLED)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def answer(question: Callable[[], str]) -> str | None:
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
        found = pipe.read(ENOUGH).decode() if told else None  # short enough for one write
    if not (told and ended_within(pid, KILLED)):
        kill(pid)
    return found
