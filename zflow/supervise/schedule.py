"""When the next walk begins, and why: a next try from the journal, a repetition, or a request.

It knows neither processes nor files, so that a test can check each rule.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # for mypy alone: typing would cost the supervisor half a MiB
    from collections.abc import Callable

DEATHS = 5
"""Deaths of the walker in a row after which the container ends."""
PAUSE = 1.0
"""Seconds to wait after the first death, twice as many after the second, and so on."""
LONGEST = 3600.0
"""Seconds at most until a next try, however the wall clock was set since the journal noted its time."""
RESUME = "resume"
"""The reason of a walk that `zflow resume` requests."""


class Schedule:
    """The present walk, the walk that was asked for, and the time before which no walk begins."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._present = ("", False)
        self._pending: tuple[str, bool] | None = None
        self._woken = False
        self._due: float | None = None
        self.blind = False
        """Whether only the time starts the next walk: the last walk left no list of watches."""
        self.deaths = 0
        """How often in a row the walker died without an answer."""

    @property
    def awaited(self) -> bool:
        """Whether a time is set for the next walk."""
        return self._due is not None

    @property
    def come(self) -> bool:
        """Whether the time for the next walk has come."""
        return self._due is not None and self._clock() >= self._due

    @property
    def next(self) -> tuple[str, bool] | None:
        """The walk that was asked for, as reason and depth, if it may begin now."""
        return self._pending if self.come or not self.awaited else None

    def begin(self, reason: str, *, deep: bool) -> None:
        """Note that a walk begins; it also answers earlier requests."""
        self._present, self._pending = (reason, deep), None
        self._woken = self.blind = False
        self._due = None

    def follow(self, reason: str, *, deep: bool) -> None:
        """Ask for a walk after the present one."""
        self._pending = (reason, deep)

    def wake(self) -> None:
        """Note that the operator resumes the present walk. Unless that walk is deep, a deep one follows it."""
        self._woken = True
        if not self._present[1]:
            self.follow(RESUME, deep=True)

    def end(self, *, valid: bool) -> None:
        """Note that the walker has ended. If it stopped, it may not have heard the operator."""
        if self._woken and not valid:
            self._pending = self._pending or (RESUME, True)

    def settle(self, next_try: float | None) -> None:
        """Set the time for the next walk after one that came to an end: `next_try` by the wall clock, None for never.

        A walk that was asked for does not wait.
        """
        self.deaths, self._due = 0, None
        if next_try is not None and self._pending is None:
            self._due = self._clock() + min(max(0.0, next_try - self._wall_clock()), LONGEST)

    def repeat(self, seconds: float) -> None:
        """Walk again after so many seconds, for the same reason; the watches of an earlier walk do not count."""
        self._pending = self._pending or self._present
        self._due, self.blind = self._clock() + seconds, True

    def die(self) -> bool:
        """Repeat a walk whose walker died, after a growing pause; return whether it died too often."""
        self.deaths += 1
        self.repeat(self.deaths * PAUSE)
        return self.deaths >= DEATHS
