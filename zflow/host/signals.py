"""The signals that the supervisor obeys: blocked, and waited for one at a time.

`signal.sigtimedwait` cannot be used: when a stop of the process (SIGSTOP, a paused container) outlasts its timeout,
CPython up to 3.13 returns a random number from memory, and 2 would mean SIGINT.
"""

from __future__ import annotations

import signal

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD}
"""What the supervisor blocks and waits for."""


def block() -> None:
    """Block the signals until they are waited for."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {*SIGNALS, signal.SIGALRM})


def caught(seconds: float) -> signal.Signals | None:
    """Return the next of the blocked signals, None when none came within `seconds`."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    number = signal.Signals(signal.sigwait({*SIGNALS, signal.SIGALRM}))
    return None if number == signal.SIGALRM else number
