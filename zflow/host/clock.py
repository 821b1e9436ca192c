"""The one clock: wall time for people. It is injected, so that tests can set the time."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns seconds since the epoch; `time.time` outside tests."""

system_clock: Clock = time.time


def second(seconds: float) -> str:
    """Return a time for lines of output: UTC, ISO 8601, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def stamp(seconds: float) -> str:
    """Return a time for people and the journal: UTC, ISO 8601, to the millisecond."""
    from datetime import UTC, datetime  # half a MiB that the supervisor never needs

    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
