"""When a walk waits: in a back-off, for work ahead of time, or lingering for it; and what ends each wait."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.engine.toy import Bench, again, effects, file_step, product
from tests.engine.where import LIMIT, wait_for
from zflow import codes
from zflow.context import Context
from zflow.errors import Interrupted, OperatorError, TransientError
from zflow.journal.writer import Journal
from zflow.retry import POLICIES, Policy
from zflow.step import Product, Step
from zflow.walk import ahead
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
    monkeypatch.setattr(ahead, "PATROL", 0.01)
    monkeypatch.setattr(ahead, "REMINDER", 0.0)
    gate = threading.Event()
    with InThread(bench, product(file_step("one.a"), held_back(gate))) as states:
        wait_for(lambda: sum("still waiting for it" in line for line in bench.said) > 1, "the reminders")
        gate.set()
    assert states == ["serving"]
    assert sum("it began with the walk" in line for line in bench.said) == 1


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


def failing(attempts: list[float], bench: Bench) -> Callable[[Context], None]:
    """Return an apply that notes when it was called, and fails."""

    def fail(_ctx: Context) -> None:
        attempts.append(bench.now)
        raise TransientError(codes.COMMAND, "a dead mirror")

    return fail


class Restarts:
    """Starts of the container: each walks until its wait, of which it takes note, and is ended in it."""

    def __init__(self, bench: Bench, what: Product) -> None:
        self.bench, self.what = bench, what
        self.waits: list[float] = []

    def start(self, after: float, reason: str = "start of the container", *, deep: bool = False) -> str:
        """Walk so many seconds after the last one's end; a wait is where it ends."""
        self.bench.now += after
        self.bench.boot = f"boot-{self.bench.now}"
        self.bench.stopping = threading.Event()
        self.bench.wake = Ended(self)
        try:
            return self.bench.walk(self.what, reason, deep=deep)
        except Interrupted:
            return "interrupted"


class Ended(threading.Event):
    """A wait in which the container is told to stop."""

    def __init__(self, restarts: Restarts) -> None:
        super().__init__()
        self._restarts = restarts

    def wait(self, timeout: float | None = None) -> bool:
        """Note how long it would be, and be told to stop."""
        assert timeout is not None
        self._restarts.waits.append(timeout)
        self._restarts.bench.stopping.set()
        return False


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a policy with an hour between its three attempts."""
    monkeypatch.setitem(POLICIES, "patient", Policy(attempts=3, first=3600, ceiling=3600, jitter=0, later=900))
    return "patient"


def test_a_start_waits_on_where_the_last_attempt_is_young(bench: Bench, patient: str) -> None:
    """Three restarts within seconds make no attempt; the wait is what is left of the one written down."""
    attempts: list[float] = []
    one = Restarts(bench, product(again(file_step("one.a"), apply=failing(attempts, bench), retry=patient)))
    for _ in range(3):
        assert one.start(2) == "interrupted"
    assert len(attempts) == 1
    assert [round(each, -2) for each in one.waits] == [3600, 3600, 3600]
    assert one.waits == sorted(one.waits, reverse=True)
    assert bench.status("one.a")["failures"] == 1


def test_a_loop_of_restarts_uses_up_no_budget(bench: Bench, patient: str) -> None:
    """A start may try at once after half a minute; that neither counts nor puts off the attempt that is due."""
    attempts: list[float] = []
    one = Restarts(bench, product(again(file_step("one.a"), apply=failing(attempts, bench), retry=patient)))
    one.start(0)
    due = bench.status("one.a")["next_try"]
    for _ in range(6):
        assert one.start(60) == "interrupted"
    assert len(attempts) == 7
    assert bench.status("one.a")["next_try"] == due
    assert "gave-up" not in bench.kinds("one.a")
    bench.now = due
    assert one.start(1) == "interrupted"
    assert bench.status("one.a")["next_try"] > due + 3000
    bench.now += 4000
    assert one.start(1) == "failed"
    assert bench.kinds("one.a")[-1] == "gave-up"


def test_what_gave_up_shortly_before_is_left_until_its_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk stops where it stopped, with the same reason and next try, and no attempt; in time it is tried again."""
    monkeypatch.setitem(POLICIES, "single", Policy(attempts=1, first=0, ceiling=0, jitter=0, later=900))
    attempts: list[float] = []
    one = Restarts(bench, product(again(file_step("one.a"), apply=failing(attempts, bench), retry="single")))
    assert one.start(0) == "failed"
    before = bench.position()
    assert one.start(5) == "failed"
    after = bench.position()
    assert [after[name] for name in ("code", "detail", "step")] == [before[name] for name in ("code", "detail", "step")]
    assert after["next_try"] == pytest.approx(before["next_try"], abs=5)
    assert len(attempts) == 1
    assert one.start(1000) == "failed"
    assert len(attempts) == 2


def test_a_clock_that_was_set_back_keeps_no_step_waiting(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure that lies years ahead is no young one: the next walk tries, and not only when those years are over."""
    monkeypatch.setitem(POLICIES, "single", Policy(attempts=1, first=0, ceiling=0, jitter=0, later=900))
    attempts: list[float] = []
    one = Restarts(bench, product(again(file_step("one.a"), apply=failing(attempts, bench), retry="single")))
    assert one.start(0) == "failed"
    for number in (2, 3):
        assert one.start(-365 * 86400) == "failed"
        assert len(attempts) == number
        assert 0 < bench.position()["next_try"] - bench.now <= 900


@pytest.mark.parametrize(("reason", "deep"), [("resume", True), ("changed: settings", False)])
def test_the_operator_and_a_change_do_not_wait(bench: Bench, patient: str, reason: str, deep: bool) -> None:
    """What was mended is tried at once, however young the failure is."""
    attempts: list[float] = []
    one = Restarts(bench, product(again(file_step("one.a"), apply=failing(attempts, bench), retry=patient)))
    one.start(0)
    one.start(1, reason, deep=deep)
    assert len(attempts) == 2
