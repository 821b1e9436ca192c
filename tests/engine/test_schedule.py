"""When the supervisor walks again: growing pauses, a bounded wait, and what was asked for meanwhile."""

from __future__ import annotations

from zflow.supervise.schedule import DEATHS, LONGEST, PAUSE, Schedule

WALK = ("start of the container", False)
NOW = 1_000_000.0
"""The wall clock."""


class Bench:
    """A schedule in the middle of its first walk, and the clock that it reads."""

    def __init__(self) -> None:
        self.time = 50.0
        self.schedule = Schedule(lambda: self.time, lambda: NOW)
        self.schedule.begin(WALK[0], deep=WALK[1])

    def waits(self) -> float | None:
        """Return the seconds until the next walk may begin, to the quarter of a second; None when none is planned."""
        if not self.schedule.awaited:
            return None
        began = self.time
        while not self.schedule.come:
            self.time += 0.25
        return self.time - began


def test_the_pause_grows_with_each_death_until_the_last() -> None:
    """A walker that dies at once is started again later and later, for the same end, and not for ever."""
    bench = Bench()
    for count in range(1, DEATHS + 1):
        assert bench.schedule.die() == (count == DEATHS)
        assert (bench.schedule.blind, bench.schedule.next) == (True, None)
        assert bench.waits() == count * PAUSE
        assert bench.schedule.next == WALK
        bench.schedule.begin(*WALK[:1], deep=False)


def test_a_walk_that_comes_to_an_end_ends_the_row_of_deaths() -> None:
    """Deaths count in a row."""
    bench = Bench()
    bench.schedule.die()
    bench.schedule.settle(None)
    bench.schedule.die()
    assert bench.waits() == PAUSE


def test_the_next_try_is_bounded_however_the_wall_clock_was_set() -> None:
    """A clock that was set back puts the next try days ahead, one that was set forward into the past."""
    for next_try, seconds in ((NOW + 60, 60.0), (NOW + 10 * 86_400, LONGEST), (NOW - 86_400, 0.0), (None, None)):
        bench = Bench()
        bench.schedule.settle(next_try)
        assert bench.waits() == seconds
        assert (bench.schedule.blind, bench.schedule.next) == (False, None)


def test_what_was_asked_for_during_a_walk_does_not_wait_for_the_next_try() -> None:
    """The last wish counts, begins at once, and is done by the walk that begins."""
    bench = Bench()
    bench.schedule.follow("reset-state tls", deep=False)
    bench.schedule.follow("HUP", deep=True)
    bench.schedule.settle(NOW + 60)
    assert (bench.schedule.awaited, bench.schedule.next) == (False, ("HUP", True))
    bench.schedule.begin("HUP", deep=True)
    bench.schedule.settle(None)
    assert bench.schedule.next is None


def test_a_resume_that_the_walk_did_not_hear_is_done_after_it() -> None:
    """A walk that looks less thoroughly is followed by a deep one; a deep one that stopped may have been deaf."""
    bench = Bench()
    bench.schedule.wake()
    bench.schedule.end(valid=True)
    bench.schedule.settle(None)
    assert bench.schedule.next == ("resume", True)
    for valid, following in ((True, None), (False, ("resume", True))):
        bench.schedule.begin("HUP", deep=True)
        bench.schedule.wake()
        bench.schedule.end(valid=valid)
        bench.schedule.settle(None)
        assert bench.schedule.next == following
