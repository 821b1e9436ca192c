"""The signals that the supervisor obeys: held back, and waited for one at a time.

`signal.sigtimedwait` is not for it: where a stop of the process (SIGSTOP, a paused container) outlasts its timeout,
CPython up to 3.13 answers with whatever number lay in memory, and 2 is as good as SIGINT.
"""

from __future__ import annotations

import signal

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD}
"""What the supervisor blocks, and waits for."""


def block() -> None:
    """Hold the signals back until they are waited for."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {*SIGNALS, signal.SIGALRM})


def caught(seconds: float) -> signal.Signals | None:
    """Return the next of the signals, None when none came for so long; they are blocked already."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    number = signal.Signals(signal.sigwait({*SIGNALS, signal.SIGALRM}))
    return None if number == signal.SIGALRM else number
