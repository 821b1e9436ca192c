"""The workflow's machine: which moves are legal, and where it stands after a restart."""

from __future__ import annotations

from itertools import product as pairs

import pytest
from transitions import MachineError

from zflow.walk.machine import BLOCKED, FAILED, SERVING, Workflow, moves

NAMES = ("one", "two")
STATES = (*NAMES, SERVING, FAILED, BLOCKED)
LEGAL = {
    *(("advance", here, there) for here, there in (("one", "two"), ("two", SERVING))),
    *(("fail", here, FAILED) for here in (*NAMES, SERVING)),
    *(("block", here, BLOCKED) for here in (*NAMES, SERVING)),
    *(("resume", here, there) for here in (FAILED, BLOCKED) for there in (*NAMES, SERVING)),
    *(("reopen", here, there) for here in (*NAMES, SERVING) for there in (*NAMES, SERVING)),
    *(("reset", here, there) for here in STATES for there in (*NAMES, SERVING)),
}
TRIGGERS = ("advance", "fail", "block", "resume", "reopen", "reset")


@pytest.mark.parametrize(("trigger", "here", "there"), list(pairs(TRIGGERS, STATES, STATES)))
def test_exactly_the_table_of_moves_is_legal(trigger: str, here: str, there: str) -> None:
    """A move in the table is made; any other is refused and leaves the machine where it was."""
    workflow = Workflow(NAMES, here, "one")
    if (trigger, here, there) in LEGAL:
        assert workflow.destination(trigger, there) == there
        workflow.move(trigger, there)
        assert workflow.state == there
    else:
        with pytest.raises(MachineError):
            workflow.destination(trigger, there)
        assert workflow.state == here


def test_the_table_has_no_other_triggers() -> None:
    """No trigger leads anywhere that this test does not know of."""
    assert {str(move["trigger"]) for move in moves(NAMES)} == set(TRIGGERS)


@pytest.mark.parametrize(
    ("state", "place", "expected"),
    [
        (None, None, ("one", "one")),
        ("two", "two", ("two", "two")),
        (SERVING, SERVING, (SERVING, SERVING)),
        (BLOCKED, "two", (BLOCKED, "two")),
        ("removed", "removed", ("one", "one")),
        (FAILED, "removed", (FAILED, "one")),
    ],
)
def test_the_machine_is_restored(state: str | None, place: str | None, expected: tuple[str, str]) -> None:
    """It stands where the journal says; a state that this image has no more leads to the beginning."""
    workflow = Workflow(NAMES, state, place)
    assert (workflow.state, workflow.place) == expected


def test_a_stopped_machine_resumes_in_its_place() -> None:
    """The place is kept while the machine is stopped, and is where `resume` leads by itself."""
    workflow = Workflow(NAMES, "two", "two")
    workflow.move("block", workflow.destination("block"))
    assert (workflow.state, workflow.place) == (BLOCKED, "two")
    workflow.move("resume", workflow.destination("resume"))
    assert workflow.state == "two"


@pytest.mark.parametrize(
    ("here", "goal", "way"),
    [
        ("one", SERVING, [("advance", "two"), ("advance", SERVING)]),
        (SERVING, "one", [("reopen", "one")]),
        ("two", "two", []),
    ],
)
def test_the_way_is_forward_by_states_and_back_in_one(here: str, goal: str, way: list[tuple[str, str]]) -> None:
    """Every move of a way is legal where it is made, and the last one arrives."""
    workflow = Workflow(NAMES, here, here)
    assert workflow.way_to(goal) == way
    for trigger, target in way:
        workflow.move(trigger, workflow.destination(trigger, target))
    assert workflow.state == goal
