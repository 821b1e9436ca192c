"""The walk: states in order, one commit a step, background steps, and how it stops."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import pytest

from tests.engine.toy import Bench, again, effects, file_step, product
from zflow import codes
from zflow.context import Context
from zflow.errors import Interrupted, OperatorError, TransientError
from zflow.exits import Exit
from zflow.journal.event import Event
from zflow.journal.writer import Journal, Position, open_journal
from zflow.secret import Redactor, Secret
from zflow.step import Evidence, Product
from zflow.walk import process
from zflow.walk.walker import Walker, listed


def commits(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return a list that grows by the kinds of each commit to come."""
    seen: list[list[str]] = []
    record = Journal.record

    def counted(self: Journal, events: Sequence[Event], position: Position | None = None) -> None:
        seen.append([each.kind for each in events])
        record(self, events, position)

    monkeypatch.setattr(Journal, "record", counted)
    return seen


def test_states_are_walked_in_order_to_serving(bench: Bench) -> None:
    """Effects follow the order of states and steps, and the machine ends in serving."""
    what = product(file_step("one.a"), file_step("one.b"), file_step("two.a"))
    assert bench.walk(what) == "serving"
    assert effects(bench.volume) == ["one.a", "one.b", "two.a"]
    entered = [row["state"] for row in bench.events() if row["kind"] == "entered"]
    assert entered == ["one", "two"]
    assert (bench.position()["state"], bench.position()["place"]) == ("serving", "serving")
    assert bench.said[-1] == "all valid: 3 steps checked, 3 applied, 0 unchanged"


def test_an_outcome_shares_its_commit_with_the_next_intent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step costs one commit; a state entered, and the look at everything after steps acted, cost one each."""
    seen = commits(monkeypatch)
    bench.walk(product(*(file_step(f"one.{name}") for name in "abcd")))
    assert seen == [
        ["begun"], ["entered"], ["started"], ["done", "started"], ["done", "started"], ["done", "started"],
        ["done"], ["checked"],
    ]  # fmt: skip


def test_a_walk_over_finished_work_makes_two_commits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many steps hold, the walk itself is all that is recorded."""
    what = product(*(file_step(f"one.{name}") for name in "abcd"))
    bench.walk(what)
    seen = commits(monkeypatch)
    assert bench.walk(what) == "serving"
    assert seen == [["begun"], ["checked"]]


def test_attempts_are_counted_from_the_last_success(bench: Bench) -> None:
    """A step that runs again because its result is gone has not failed: its line has no number."""
    failing = [True]

    def fail_once(_ctx: Context) -> None:
        if failing and failing.pop():
            raise TransientError(codes.COMMAND, "away")

    what = product(file_step("one.a", before=fail_once, retry="local"))
    assert bench.walk(what) == "serving"
    assert [line for line in bench.said if line.endswith("(attempt 2)")] != []
    assert any("away; attempt 2 in" in line for line in bench.said)
    bench.said.clear()
    (bench.volume / "one.a").unlink()
    assert bench.walk(what) == "serving"
    assert bench.events("one.a")[-1]["attempt"] == 3
    assert [line for line in bench.said if "attempt" in line] == []


def test_a_state_whose_step_is_due_again_is_reopened(bench: Bench) -> None:
    """From serving the walk goes back to the state that has something to do, and forward again."""
    what = product(file_step("one.a"), file_step("two.a"))
    bench.walk(what)
    (bench.volume / "one.a").unlink()
    assert bench.walk(what) == "serving"
    assert [row["state"] for row in bench.events() if row["kind"] == "entered"] == ["one", "two", "one"]


def test_a_stopped_walk_keeps_its_place_and_resumes_there(bench: Bench) -> None:
    """Blocked in the second state, the next walk begins there and drops the problem."""
    wrong = OperatorError(codes.SETTINGS, "wrong")

    def refuse(_ctx: Context) -> None:
        raise wrong

    steps = (file_step("one.a"), file_step("two.a"))
    assert bench.walk(product(steps[0], again(steps[1], apply=refuse))) == "blocked"
    row = bench.position()
    assert (row["state"], row["place"], row["step"], row["code"]) == ("blocked", "two", "two.a", "ZF-1001")
    assert bench.walk(product(*steps)) == "serving"
    assert bench.position()["code"] is None
    assert effects(bench.volume) == ["one.a", "two.a"]


def test_term_within_a_step_is_recorded_and_the_step_is_made_again(bench: Bench) -> None:
    """An apply that is told to stop is `interrupted`; the next start makes another attempt."""

    def stop(ctx: Context) -> None:
        bench.stopping.set()
        ctx.check()

    with pytest.raises(Interrupted):
        bench.walk(product(file_step("one.a", before=stop)))
    assert bench.kinds("one.a") == ["started", "interrupted"]
    assert bench.events()[-1]["detail"] == "received a stop signal"
    bench.stopping.clear()
    assert bench.walk(product(file_step("one.a"))) == "serving"
    assert [row["attempt"] for row in bench.events("one.a") if row["kind"] == "started"] == [1, 2]


def test_a_step_that_gave_up_has_its_whole_budget_again_in_the_next_walk(bench: Bench) -> None:
    """Also within one process, which keeps in memory what the journal says."""

    def fail(_ctx: Context) -> None:
        raise TransientError(codes.COMMAND, "a dead mirror")

    what = product(again(file_step("one.a"), apply=fail, retry="at-once"))
    (bench.volume / ".zflow").mkdir()
    with closing(bench.journal()) as journal:
        journal.restore(listed(what))
        walker = Walker(what, journal, bench.surroundings(), bench.wake)
        for _ in range(2):
            assert walker.walk("resume", deep=True) == "failed"
        walker.close()
    assert bench.kinds("one.a") == ["started", "failed", "started", "failed", "started", "gave-up"] * 2


def test_term_between_two_steps_stops_before_the_next(bench: Bench) -> None:
    """A step that does not look at the signal is finished, recorded, and is the last one."""
    first = file_step("one.a", before=lambda _ctx: bench.stopping.set())
    with pytest.raises(Interrupted):
        bench.walk(product(first, file_step("one.b")))
    assert bench.kinds("one.a") == ["started", "done"]
    assert bench.kinds("one.b") == []


def test_shutting_down_is_recorded_even_when_it_fails(bench: Bench) -> None:
    """The services are ended, with wrong settings too; a failure of it has its code in the event."""
    fails: list[bool] = [False]

    def shutdown(_ctx: Context) -> None:
        if fails[0]:
            raise TransientError(codes.TIME_LIMIT, "slow")

    what = Product("toy", product(file_step("one.a")).states, shutdown=shutdown)
    bench.walk(what)
    for fails[0] in (False, True):
        assert process.shut_down(what, bench.volume, {"ZFLOW_NO_SUCH": "x"}) == Exit.VALID
    assert [(row["kind"], row["code"]) for row in bench.events()[-2:]] == [("ended", None), ("ended", "ZF-1011")]
    assert bench.position()["state"] == "serving"


def test_secrets_are_taken_out_of_what_is_recorded(bench: Bench) -> None:
    """A secret in an error's words or in evidence reaches neither the events nor the workflow row."""
    what = product(again(file_step("one.a"), probe=lambda _ctx: Evidence("it is hunter22")))
    walk_with_a_secret(bench, what, "hunter22", Position("blocked", "one", detail="said hunter22"))
    raw = b"".join(path.read_bytes() for path in (bench.volume / ".zflow").glob("journal*"))
    assert b"hunter22" not in raw
    assert b"it is ***" in raw


@pytest.mark.parametrize("secret", ["done", "started", "volume", "serving", "one.a"])
def test_a_secret_that_is_a_word_of_the_journal_harms_nothing(bench: Bench, secret: str) -> None:
    """An operator may choose any password: the history keeps its kinds, names and keys, and the step stays done."""
    noticed = again(file_step("one.b"), probe=lambda _ctx: Evidence("it is there", (f"{secret} is old",)))
    what = product(file_step("one.a"), noticed)
    for _ in range(2):
        walk_with_a_secret(bench, what, secret)
    assert bench.kinds("one.a") == ["started", "done"]
    assert bench.kinds("one.b") == ["satisfied"]
    assert bench.position()["state"] == "serving"


def walk_with_a_secret(bench: Bench, what: Product, secret: str, *positions: Position) -> None:
    """Walk with a journal that knows a secret, and record that it ended there."""
    (bench.volume / ".zflow").mkdir(exist_ok=True)
    redactor = Redactor()
    redactor.learn(Secret(secret))
    journal = open_journal(bench.volume, clock=bench.clock, boot="b", run="r", clean=redactor.clean)
    journal.restore(listed(what))
    walker = Walker(what, journal, bench.surroundings(), bench.wake)
    walker.walk("test")
    for each in positions:
        journal.record([Event("ended")], each)
    walker.close()
    journal.close()
