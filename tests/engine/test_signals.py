"""Waiting for signals, in a real process that is stopped and goes on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from zflow.host import signals

SHORT = 0.05
"""Seconds of a wait, which the stops outlast."""


@pytest.fixture
def waiting() -> Iterator[tuple[int, int]]:
    """A child that waits over and over, until TERM: its number, and where it writes what it caught, a byte each."""
    outlet, inlet = os.pipe()
    if (pid := os.fork()) == 0:
        signals.block()
        while (number := signals.caught(SHORT)) != signal.SIGTERM:
            os.write(inlet, bytes([number or 0]))
        os._exit(0)
    os.close(inlet)
    yield pid, outlet
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(outlet)


def test_a_stop_that_outlasts_the_wait_is_no_signal(waiting: tuple[int, int]) -> None:
    """Whatever lies in memory, nothing was caught but what was sent; and what was sent meanwhile is not lost."""
    pid, outlet = waiting
    assert os.read(outlet, 1) == b"\0"
    for _ in range(10):
        os.kill(pid, signal.SIGSTOP)
        os.waitpid(pid, os.WUNTRACED)
        time.sleep(2 * SHORT)
        os.kill(pid, signal.SIGCONT)
        assert os.read(outlet, 1) == b"\0"
    os.kill(pid, signal.SIGSTOP)
    os.waitpid(pid, os.WUNTRACED)
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGCONT)
    caught = b""
    while more := os.read(outlet, 64):
        caught += more
    assert caught.strip(b"\0") == bytes([signal.SIGHUP])
