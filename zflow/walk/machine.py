"""The workflow's machine: the product's states in order, then `serving`; beside them `failed` and `blocked`.

It says which move is legal and does no work: a move is checked, committed to the journal, and then made. First start,
restart, renewal, upgrade and repair are the same machine, restored from the journal at each start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from transitions import Machine, MachineError

SERVING = "serving"
FAILED = "failed"
BLOCKED = "blocked"
STOPPED = (FAILED, BLOCKED)


class Workflow:
    """Where the walk is: `state` is the machine's; `place` is the product's, and stays while the walk is stopped."""

    state: str

    def __init__(self, names: Sequence[str], state: str | None = None, place: str | None = None) -> None:
        order = (*names, SERVING)
        self.place = place if place in order else names[0]
        self._order = order
        self._machine = Machine(
            model=self,
            states=[*order, *STOPPED],
            initial=state if state in (*order, *STOPPED) else self.place,
            transitions=list(moves(names)),
            auto_transitions=False,
        )

    def destination(self, trigger: str, target: str | None = None) -> str:
        """Return the state a move leads to, without making it; `target` defaults to the one there is.

        Raises MachineError when the move is not legal here: a defect of the caller.
        """
        goal = target or self._only_goal(trigger)
        if not self.may_trigger(trigger, goal):  # type: ignore[attr-defined]  # added by transitions
            raise MachineError(f"{trigger} to {goal} is not a legal move from {self.state}")
        return goal

    def way_to(self, goal: str) -> list[tuple[str, str]]:
        """Return the moves that lead from here to a state: forward state by state, back in one."""
        here, there = self._order.index(self.state), self._order.index(goal)
        if there < here:
            return [("reopen", goal)]
        return [("advance", name) for name in self._order[here + 1 : there + 1]]

    def move(self, trigger: str, target: str) -> None:
        """Make a move that `destination` has named."""
        self.trigger(trigger, target)  # type: ignore[attr-defined]  # added by transitions
        if self.state not in STOPPED:
            self.place = self.state

    def _only_goal(self, trigger: str) -> str:
        match trigger:
            case "advance":
                return self._order[self._order.index(self.state) + 1]
            case "fail":
                return FAILED
            case "block":
                return BLOCKED
            case _:
                return self.place


def moves(names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the table of legal moves for the product's states in order."""
    order = (*names, SERVING)
    for here, there in pairwise(order):
        yield _move("advance", here, there)
    for goal, trigger in ((FAILED, "fail"), (BLOCKED, "block")):
        yield _move(trigger, list(order), goal)
    for goal in order:
        yield _move("resume", list(STOPPED), goal)
        yield _move("reopen", list(order), goal)
        yield _move("reset", "*", goal)


def _move(trigger: str, source: str | list[str], goal: str) -> dict[str, Any]:
    return {"trigger": trigger, "source": source, "dest": goal, "conditions": _headed_for(goal)}


def _headed_for(goal: str) -> Callable[[str], bool]:
    def headed(target: str) -> bool:
        return target == goal

    return headed
