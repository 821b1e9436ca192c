"""When a walk waits: in a back-off, for work ahead of time, or lingering for it; and what ends each wait."""

from __future__ import annotations

import threading

import pytest

from tests.engine.toy import Bench, again, effects, file_step, product
from tests.engine.where import LIMIT, wait_for
from zflow import codes
from zflow.context import Context
from zflow.errors import Interrupted, OperatorError, TransientError
from zflow.journal.writer import Journal
from zflow.retry import POLICIES, Policy
from zflow.step import Product, Step
from zflow.walk import walker
from zflow.walk.walker import Walker, listed


def test_a_back_off_ends_when_the_operator_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """`resume` beside a waiting walker starts the next attempt at once."""
    monkeypatch.setitem(POLICIES, "patient", Policy(attempts=2, first=3600, ceiling=3600, jitter=0, later=1))
    attempts: list[int] = []

    def fail_once(_ctx: Context) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise TransientError(codes.COMMAND, "not yet")

    with InThread(bench, product(file_step("one.a", before=fail_once, retry="patient"))) as states:
        wait_for(lambda: bench.kinds("one.a") == ["started", "failed"], "the back-off")
        assert bench.status("one.a")["next_try"] > bench.now + 3000
        bench.wake.set()
    assert states == ["serving"]


def test_a_back_off_ends_when_told_to_stop(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """TERM during a wait ends the walk; the failure and its count are in the journal already."""
    monkeypatch.setitem(POLICIES, "patient", Policy(attempts=2, first=3600, ceiling=3600, jitter=0, later=1))

    def fail(_ctx: Context) -> None:
        raise TransientError(codes.COMMAND, "not yet")

    with InThread(bench, product(again(file_step("one.a"), apply=fail, retry="patient"))) as states:
        wait_for(lambda: bench.kinds("one.a") == ["started", "failed"], "the back-off")
        bench.stopping.set()
        bench.wake.set()
    assert states == ["interrupted"]
    assert bench.status("one.a")["failures"] == 1


class InThread:
    """Walk in a thread; the list it gives holds how the walk ended once the block is left."""

    def __init__(self, bench: Bench, what: Product) -> None:
        self._bench, self._what, self._states = bench, what, list[str]()
        self._thread = threading.Thread(target=self._walk, daemon=True)

    def __enter__(self) -> list[str]:
        self._thread.start()
        wait_for(self._begun, "the walk")
        return self._states

    def _begun(self) -> bool:
        try:
            return bool(self._bench.events())
        except OperatorError:
            return False

    def _walk(self) -> None:
        try:
            self._states.append(self._bench.walk(self._what))
        except Interrupted:
            self._states.append("interrupted")

    def __exit__(self, *_: object) -> None:
        self._thread.join(LIMIT)
        assert not self._thread.is_alive()


def held_back(gate: threading.Event) -> Step:
    """Return an ahead step of the second state that ends when the gate opens."""

    def wait(_ctx: Context) -> None:
        assert gate.wait(LIMIT)

    return file_step("two.ahead", before=wait, ahead=True)


def test_ahead_steps_run_from_the_start_and_are_waited_for(bench: Bench) -> None:
    """While the first state's step runs, the second state's ahead step is under way and journalled as such."""
    gate = threading.Event()

    def first(_ctx: Context) -> None:
        wait_for(lambda: bench.kinds("two.ahead") == ["started"], "the background step")

    what = product(file_step("one.a", before=first), file_step("two.before"), held_back(gate), file_step("two.last"))
    with InThread(bench, what) as states:
        wait_for(lambda: any("waiting for it" in line for line in bench.said), "the walk to wait")
        assert bench.kinds("two.before") == ["started", "done"]
        assert bench.kinds("two.last") == []
        gate.set()
    assert states == ["serving"]
    assert bench.kinds("two.ahead") == ["started", "done"]
    assert effects(bench.volume) == ["one.a", "two.before", "two.ahead", "two.last"]
    assert bench.broken_link() is None


def test_a_long_wait_for_an_ahead_step_is_told_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The container's output does not fall silent while the last thing to come takes its time."""
    monkeypatch.setattr(walker, "PATROL", 0.01)
    monkeypatch.setattr(walker, "REMINDER", 0.0)
    gate = threading.Event()
    with InThread(bench, product(file_step("one.a"), held_back(gate))) as states:
        wait_for(lambda: sum("still waiting for it" in line for line in bench.said) > 1, "the reminders")
        gate.set()
    assert states == ["serving"]
    assert sum("it began at the start" in line for line in bench.said) == 1


def test_an_ahead_step_that_needs_the_operator_blocks_in_its_own_state(bench: Bench) -> None:
    """The walk goes on until it needs the background step, and stops there with the step's error."""

    def refuse(_ctx: Context) -> None:
        raise OperatorError(codes.SETTINGS, "no such release")

    what = product(file_step("one.a"), again(file_step("two.ahead", ahead=True), apply=refuse))
    assert bench.walk(what) == "blocked"
    row = bench.position()
    assert (row["step"], row["code"], row["detail"]) == ("two.ahead", "ZF-1001", "no such release")
    assert bench.kinds("one.a") == ["started", "done"]


def lingering(bench: Bench, gate: threading.Event) -> tuple[Walker, Journal]:
    """Return a walker that is blocked while its background step still runs."""

    def refuse(_ctx: Context) -> None:
        raise OperatorError(codes.SETTINGS, "wrong")

    what = product(again(file_step("one.a"), apply=refuse), held_back(gate))
    (bench.volume / ".zflow").mkdir()
    journal = bench.journal()
    journal.restore(listed(what))
    walker = Walker(what, journal, bench.surroundings(), bench.wake)
    assert walker.walk("test") == "blocked"
    return walker, journal


def test_a_blocked_walker_lingers_for_its_background_steps(bench: Bench) -> None:
    """It walks again once for each `resume`, and not without one, until the background work has ended."""
    gate = threading.Event()
    walker, journal = lingering(bench, gate)
    bench.wake.set()
    assert walker.linger()
    assert not bench.wake.is_set()
    gate.set()
    assert not walker.linger()
    walker.close()
    journal.close()
    assert bench.kinds("two.ahead") == ["started", "done"]


def test_a_lingering_walker_obeys_term(bench: Bench) -> None:
    """Told to stop, it does not walk again although the signal also wakes it."""
    gate = threading.Event()
    walker, journal = lingering(bench, gate)
    bench.stopping.set()
    bench.wake.set()
    assert not walker.linger()
    gate.set()
    walker.close()
    journal.close()
