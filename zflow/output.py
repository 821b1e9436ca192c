"""The container's output: one plain line for each event, with the time, without colour and secrets."""

from __future__ import annotations

import contextlib
import select
import sys
from collections.abc import Callable
from pathlib import Path

from zflow.host.clock import Clock, second, stamp

Announce = Callable[..., None]
"""Prints lines, each a text."""
LONGEST = select.PIPE_BUF - 1
"""The most bytes of a line, or of several lines that are printed at once."""
PATIENCE = 0.2
"""Seconds that a reader has to empty a full pipe."""


def announcer(clean: Callable[[str], str], clock: Clock) -> Announce:
    """Return a function that prints lines for people."""

    def announce(*lines: str) -> None:
        now = second(clock())
        put("\n".join(f"{now}  {clean(line)}" for line in lines))

    return announce


def put(text: str) -> None:
    """Print lines, or drop them where nobody reads them: the work does not wait for a reader."""
    together = len(text.encode(errors="replace")) <= LONGEST
    for part in [text] if together else text.splitlines():
        with contextlib.suppress(OSError):
            if _taken():
                sys.stdout.write(part.encode(errors="replace")[:LONGEST].decode(errors="ignore") + "\n")
                sys.stdout.flush()


def _taken() -> bool:
    """Tell whether a line can be written without waiting: a pipe then takes PIPE_BUF bytes at once (pipe(7))."""
    try:
        return bool(select.select([], [sys.stdout], [], PATIENCE)[1])
    except (OSError, ValueError):  # not a file of the kernel, as in a test
        return True


def log_file(name: Path | str, clean: Callable[[str], str], clock: Clock) -> Callable[[str], None]:
    """Return a function that appends lines to a log file, made 0600 at the first line.

    A line that cannot be written, as on a full volume, is dropped: the work and the journal matter more.
    """

    def log(line: str) -> None:
        with contextlib.suppress(OSError):
            append(line)

    def append(line: str) -> None:
        path = Path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="replace") as file:
            if file.tell() == 0:
                path.chmod(0o600)
            file.write(f"{stamp(clock())} {clean(line)}\n")

    return log
