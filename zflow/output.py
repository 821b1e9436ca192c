"""What the container's output shows: one plain line an event, with the time, no colour; never a secret."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

from zflow.clock import Clock, stamp

Announce = Callable[[str], None]


def announcer(clean: Callable[[str], str], clock: Clock) -> Announce:
    """Return a function that prints one line for people."""

    def announce(line: str) -> None:
        sys.stdout.write(f"{stamp(clock())[:19]}Z  {clean(line)}\n")
        sys.stdout.flush()

    return announce


def log_file(path: Path, clean: Callable[[str], str], clock: Clock) -> Callable[[str], None]:
    """Return a function that appends lines to a log file, made 0600 at the first line.

    A line that cannot be written, as on a full volume, is lost: the work and the journal matter more.
    """

    def log(line: str) -> None:
        with contextlib.suppress(OSError):
            append(line)

    def append(line: str) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="replace") as file:
            if file.tell() == 0:
                path.chmod(0o600)
            file.write(f"{stamp(clock())} {clean(line)}\n")

    return log
