"""When a step fails: what is tried again, what is blocked, what is counted, and what the operator sees."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from tests.engine.commands import Capture, run
from tests.engine.toy import AT_ONCE, Bench, Crash, again, file_step, product
from zflow import codes
from zflow.context import Context
from zflow.errors import Code, CommandError, OperatorError
from zflow.journal.layout import its_log
from zflow.status.document import gather
from zflow.step import Evidence, Product, State, Step


def crash(_ctx: Context) -> None:
    """End the process within an apply."""
    raise Crash


def cut_off(bench: Bench, step: Step) -> None:
    """Walk a step whose apply is cut off."""
    with pytest.raises(Crash):
        bench.walk(product(step))


def raising(error: Callable[[], Exception]) -> Callable[[Context], None]:
    """Return what raises an error anew at each attempt."""

    def fail(_ctx: Context) -> None:
        raise error()

    return fail


def command_failed() -> CommandError:
    """Return an error that may pass."""
    return CommandError(codes.COMMAND, ("false",), 1, "no route")


def test_commands_that_promise_and_do_not_deliver_are_not_believed(bench: Bench) -> None:
    """An apply without its result is ZF-1020, tried again by the policy and then given up until later."""
    step = again(file_step("one.a"), apply=lambda _ctx: None, retry="at-once")
    assert bench.walk(product(step)) == "failed"
    assert bench.kinds("one.a") == ["started", "failed", "started", "failed", "started", "gave-up"]
    assert {row["code"] for row in bench.events("one.a")} == {None, codes.NOT_PROVEN.id}


def full() -> OSError:
    """Return what a write to a full volume raises."""
    return OSError(errno.ENOSPC, "No space left on device", "big")


@pytest.mark.parametrize(("place", "code"), [("/run/x", codes.ROOT_READ_ONLY), ("{volume}/x", codes.VOLUME_READ_ONLY)])
def test_a_folder_that_cannot_be_written_is_told_apart_from_the_volume(bench: Bench, place: str, code: Code) -> None:
    """A read-only root without a tmpfs, and a volume that the kernel has remounted: each has its own way out."""
    path = place.format(volume=bench.volume)
    step = again(file_step("one.a"), apply=raising(lambda: OSError(errno.EROFS, "Read-only file system", path)))
    assert bench.walk(product(step)) == "blocked"
    assert (bench.position()["code"], bench.position()["detail"]) == (code.id, f"{path}: Read-only file system")


@pytest.mark.parametrize("where", ["apply", "probe", "cleanup"])
def test_a_full_volume_is_named(bench: Bench, where: str) -> None:
    """ENOSPC anywhere in a step is ZF-1006 and blocks at once."""
    if where == "cleanup":
        cut_off(bench, file_step("one.a", before=crash))
    step = again(file_step("one.a"), **{where: raising(full)})
    assert bench.walk(product(step)) == "blocked"
    assert bench.position()["code"] == codes.DISK_FULL.id


@pytest.mark.parametrize("where", ["apply", "probe", "inputs"])
def test_a_defect_is_recorded_by_its_code_and_its_traceback_is_only_logged(bench: Bench, where: str) -> None:
    """A step that raises something unforeseen is ZF-1023; the operator sees no traceback, the log has all of it."""
    step = again(file_step("one.a"), **{where: raising(lambda: KeyError("nonsense"))})
    assert bench.walk(product(step)) == "blocked"
    assert bench.position()["code"] == codes.BUG.id
    last = bench.events("one.a")[-1]
    assert (last["kind"], last["code"]) == ("blocked", codes.BUG.id)
    shown = "\n".join([*bench.said, *(str(row["detail"]) for row in bench.events())])
    assert "nonsense" in shown
    assert "Traceback" not in shown
    (log,) = (bench.volume / ".zflow/logs/one").iterdir()
    assert "Traceback" in log.read_text()


def test_a_look_that_fails_leaves_a_log_and_what_to_do_names_it(
    bench: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There was no attempt that could have one; it holds the last words of what the look ran, of the last look only."""

    def look(ctx: Context) -> Evidence | None:
        ctx.shell.run("sh", "-c", "echo the directory does not answer; exit 3")
        return None

    step = again(file_step("one.a"), probe=look)
    for _ in range(2):
        bench.said.clear()
        assert bench.walk(product(step)) == "failed"
        assert any(f"{codes.COMMAND.remedy} Its log: `zflow logs one.a`." in line for line in bench.said)
    assert bench.position()["remedy"] == codes.COMMAND.remedy
    monkeypatch.setenv("ZFLOW_VOLUME", str(bench.volume))
    first, second = run(capsys, "logs", "one.a")[1].splitlines()
    assert first.endswith(" the directory does not answer")
    assert "ended with 3" in second


def test_a_log_lies_under_its_steps_name_in_whatever_state_it_is(bench: Bench) -> None:
    """Steps are inserted into other states than those whose name they bear; `zflow logs` knows them by their own."""
    step = again(file_step("two.x"), apply=raising(command_failed), retry="at-once")
    assert bench.walk(Product("toy", (State("one", "the one", (step,)),))) == "failed"
    assert its_log(bench.volume, "two.x") == " Its log: `zflow logs two.x`."
    assert its_log(bench.volume, "one.x") == its_log(bench.volume, None) == ""
    assert gather(bench.volume)["problem"]["remedy"].endswith("Its log: `zflow logs two.x`.")


def test_what_needs_the_operator_is_never_retried(bench: Bench) -> None:
    """An OperatorError blocks after one attempt, whatever the policy."""
    error = raising(lambda: OperatorError(codes.SETTINGS, "wrong password"))
    assert bench.walk(product(again(file_step("one.a"), apply=error, retry="at-once"))) == "blocked"
    assert bench.kinds("one.a") == ["started", "blocked"]
    row = bench.position()
    assert (row["code"], row["detail"], row["remedy"], row["next_try"]) == (
        codes.SETTINGS.id, "wrong password", codes.SETTINGS.remedy, None,
    )  # fmt: skip


def test_a_used_up_budget_is_failed_with_the_next_try(bench: Bench) -> None:
    """After the policy's attempts the walk stops as failed and says when it goes on; then the budget is whole again."""
    step = again(file_step("one.a"), apply=raising(command_failed), retry="at-once")
    assert bench.walk(product(step)) == "failed"
    assert bench.position()["next_try"] - bench.now == pytest.approx(AT_ONCE.later, abs=5)
    bench.now = bench.position()["next_try"]
    assert bench.walk(product(step)) == "failed"
    assert [row["attempt"] for row in bench.events("one.a") if row["kind"] == "started"] == [1, 2, 3, 4, 5, 6]


def test_attempts_are_counted_across_restarts(bench: Bench) -> None:
    """Failures before a crash count towards the budget after it."""
    count = 0

    def fail_twice_then_crash(_ctx: Context) -> None:
        nonlocal count
        count += 1
        raise command_failed() if count != 3 else Crash()

    step = again(file_step("one.a"), apply=fail_twice_then_crash, retry="at-once")
    cut_off(bench, step)
    assert bench.walk(product(step)) == "failed"
    assert bench.kinds("one.a") == ["started", "failed", "started", "failed", "started", "started", "gave-up"]


def test_attempts_go_on_counting_after_a_block(bench: Bench) -> None:
    """A blocked walk and a restart do not begin again at attempt one: each attempt has a log of its own."""
    cut_off(bench, file_step("one.a", before=crash))
    bench.walk(product(again(file_step("one.a"), probe=raising(full))))
    bench.walk(product(file_step("one.a")))
    assert [row["attempt"] for row in bench.events("one.a") if row["kind"] == "started"] == [1, 2]


def test_a_step_that_ends_the_walker_three_times_in_a_boot_is_poison(bench: Bench) -> None:
    """The fourth start of the same boot does not try it; another boot begins counting anew."""
    step = file_step("one.a", before=crash)
    for _ in range(3):
        cut_off(bench, step)
    assert bench.walk(product(step)) == "blocked"
    assert bench.position()["code"] == codes.POISON.id
    for _ in range(2):
        cut_off(bench, step)
    bench.boot = "boot-2"
    assert bench.walk(product(file_step("one.a"))) == "serving"
