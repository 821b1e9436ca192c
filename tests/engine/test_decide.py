"""`plan` and `verify` say of a step what the walk then does: both ask one function."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest

from tests.engine.test_protocol import crash, cut_off
from tests.engine.toy import Bench, again, file_step, product
from zflow import codes
from zflow.context import Context
from zflow.errors import OperatorError
from zflow.journal.event import Event
from zflow.journal.layout import journal_file
from zflow.journal.reader import reading, records
from zflow.journal.record import Record
from zflow.step import Drift, Evidence, Step
from zflow.walk.decide import DEATHS, World, decide
from zflow.walk.survey import Finding, survey
from zflow.walk.walker import listed

NAME = "one.a"
STEP = file_step(NAME, inputs=lambda ctx: text(ctx, "input"))


def text(ctx: Context, name: str) -> str:
    """Return what a file of the volume holds; empty where there is none."""
    path = ctx.volume / name
    return path.read_text() if path.exists() else ""


def remove(bench: Bench) -> None:
    """Take the step's result away."""
    (bench.volume / NAME).unlink()


def done(bench: Bench) -> Step:
    """The step was done, and holds."""
    bench.walk(product(STEP))
    return STEP


def gone(bench: Bench) -> Step:
    """The step was done, and its result is gone."""
    done(bench)
    remove(bench)
    return STEP


def there(bench: Bench) -> Step:
    """The journal knows nothing, and the postcondition holds."""
    (bench.volume / NAME).write_text(NAME)
    return STEP


def killed(bench: Bench) -> Step:
    """An attempt was cut off before its effect."""
    cut_off(bench, again(STEP, apply=crash))
    return STEP


def killed_late(bench: Bench) -> Step:
    """An attempt was cut off after its effect."""
    killed(bench)
    return there(bench)


def killed_after_done(bench: Bench) -> Step:
    """Done; an attempt for another input was cut off, the input is as before, and the first result is there."""
    done(bench)
    (bench.volume / "input").write_text("other")
    remove(bench)
    killed(bench)
    (bench.volume / "input").unlink()
    return there(bench)


def other_input(bench: Bench) -> Step:
    """Done for another input, and the result is gone."""
    gone(bench)
    (bench.volume / "input").write_text("other")
    return STEP


def reset_by_hand(bench: Bench) -> Step:
    """Done, then reset by the operator; only the audit sees what is wrong."""
    done(bench)
    with closing(bench.journal()) as journal:
        journal.restore(listed(product(STEP)))
        journal.record([Event("reset", state="one", step=NAME)])
    sees = STEP.probe
    return again(STEP, audit=lambda ctx: sees(ctx) if "made" in text(ctx, "effects") else Drift("it is not made well"))


def lost_for_good(bench: Bench) -> Step:
    """Built once, and gone."""
    once = again(STEP, once=True)
    bench.walk(product(once))
    remove(bench)
    return once


def deadly(bench: Bench) -> Step:
    """Each attempt has ended the walker."""
    for _ in range(DEATHS):
        killed(bench)
    return STEP


def unreadable(bench: Bench) -> Step:
    """The look itself fails."""

    def fail(_ctx: Context) -> Evidence | None:
        raise OperatorError(codes.SETTINGS, "wrong")

    return again(STEP, probe=fail)


def defective(bench: Bench) -> Step:
    """The look raises what it should not."""

    def fail(_ctx: Context) -> Evidence | None:
        raise ValueError("oh")

    return again(STEP, probe=fail)


SITUATIONS: dict[Callable[[Bench], Step], tuple[str, list[str]]] = {
    done: ("holds", []),
    there: ("found", ["satisfied"]),
    killed_late: ("found", ["recovered"]),
    killed_after_done: ("found", ["recovered"]),
    killed: ("due", ["started", "done"]),
    other_input: ("due", ["started", "done"]),
    reset_by_hand: ("due", ["started", "done"]),
    gone: ("lost", ["lost", "started", "done"]),
    lost_for_good: ("refused", ["blocked"]),
    deadly: ("refused", ["blocked"]),
    unreadable: ("refused", ["blocked"]),
    defective: ("refused", ["blocked"]),
}
"""What is said of a step, and what a walk records of it then."""


def looked(bench: Bench, step: Step) -> Finding:
    """Return what `zflow plan` finds."""
    known: dict[str, Record] = {}
    if journal_file(bench.volume).exists():
        with reading(bench.volume) as journal:
            known = records(journal)
    (found,) = survey(product(step), known, bench.surroundings(), deep=False)
    return found


@pytest.mark.parametrize("arrange", SITUATIONS, ids=lambda each: each.__name__)
def test_plan_says_what_the_walk_then_does(bench: Bench, arrange: Callable[[Bench], Step]) -> None:
    """In every situation the finding names the walk's next deed, and changes nothing."""
    step = arrange(bench)
    verdict, follows = SITUATIONS[arrange]
    before = bench.kinds(NAME) if journal_file(bench.volume).exists() else []
    assert looked(bench, step).verdict == verdict
    bench.walk(product(step))
    assert bench.kinds(NAME) == [*before, *follows]


@pytest.mark.parametrize("arrange", [lost_for_good, deadly], ids=lambda each: each.__name__)
def test_plan_names_the_error_that_would_stop_the_walk(bench: Bench, arrange: Callable[[Bench], Step]) -> None:
    """Code and words are those that the walk stops with."""
    step = arrange(bench)
    why = looked(bench, step).why
    assert bench.walk(product(step)) == "blocked"
    row = bench.position()
    assert why.startswith(row["code"])
    assert why.endswith(row["detail"])


def test_deaths_for_want_of_memory_are_named(bench: Bench) -> None:
    """Where the kernel has ended processes, the operator is told how many."""
    step = deadly(bench)
    with reading(bench.volume) as journal:
        record = records(journal)[NAME]
    assert "out of memory: the kernel killed 2 processes" in decide(step, record, World("", None, bench.boot, 2)).why
    assert "memory" not in decide(step, record, World("", None, bench.boot)).why
    assert decide(step, record, World("", None, "another boot", 2)).verdict == "due"
