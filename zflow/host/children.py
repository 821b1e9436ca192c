"""Children of the supervisor: how they are started, and ended within a time limit.

A process that waits for a disk inside the kernel ends by no signal. It is left behind, and the supervisor goes on.
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
"""Seconds after KILL until a process that has not ended is left behind."""
MOMENT = 0.01
"""Seconds between two looks whether a process has ended."""
ANSWER = 10.0
"""Seconds that a child has for its answer, because the volume that it reads may hang."""
ENOUGH = 4096
"""The most bytes of an answer. A write of PIPE_BUF bytes is atomic: pipe(7)."""


def spawn(argv: tuple[str, ...]) -> int:
    """Start a process with nothing blocked; return its number.

    Signals have their default effect, except USR1: it stays ignored until the walker has loaded and can obey it.
    """
    return os.posix_spawn(argv[0], list(argv), os.environ, setsigmask=(), setsigdef=SIGNALS - {signal.SIGUSR1})


def ended_within(pid: int, seconds: float) -> bool:
    """Wait for a child's end, at most `seconds`; return whether it has ended."""
    deadline = time.monotonic() + seconds
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if time.monotonic() >= deadline:
            return False
        time.sleep(MOMENT)  # not by CHLD: the supervisor waits for it, and it may be about another child
    return True


def end(pid: int, patience: float) -> str:
    """Tell a child to end, and kill it after `patience` seconds. Return what happened, empty when it ended in time.

    A stopped process is continued first, so that it can end in order.
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
    """Return the answer of a child process; the memory for what it loads, such as SQLite, is freed with it.

    Empty when it ended without an answer, None when it was killed because it gave none in time.
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
