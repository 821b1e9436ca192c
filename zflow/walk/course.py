"""Where a walk is: keeps the machine, the journal's workflow row and what the operator reads in step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zflow import codes
from zflow.errors import OperatorError, StepBug, StillFailed, TransientError, ZflowError
from zflow.journal.event import LOOKED, Event
from zflow.journal.layout import its_log
from zflow.journal.writer import Journal, Position
from zflow.retry import POLICIES
from zflow.step import Product, State
from zflow.walk.chain import Chain
from zflow.walk.machine import SERVING, STOPPED, Workflow
from zflow.walk.surroundings import Surroundings


class Course:
    """One walker's way through the states. Each move is committed with the events that say so, and then made."""

    def __init__(self, product: Product, journal: Journal, around: Surroundings) -> None:
        self._product = product
        self._journal = journal
        self._around = around
        at = journal.position
        names = [state.name for state in product.states]
        self._workflow = Workflow(names, at.state if at else None, at.place if at else None)
        self._entered: str | None = None
        self.step: str | None = None
        """The step that the walk is at."""
        self.chain = Chain(journal, around.announce, self._position)

    @property
    def state(self) -> str:
        """The machine's state."""
        return self._workflow.state

    def begin(self, reason: str, said: Sequence[str]) -> None:
        """Record that a walk begins; what stopped the last one is over."""
        self.chain.flush(Event("begun", detail=reason), position=self._position(), said=said)
        if self.state in STOPPED:
            self._move("resume")

    def begin_pass(self) -> None:
        """Begin at the first state again."""
        self._entered = None

    def enter(self, state: State) -> None:
        """Move the machine to a state that has something to do; other states are passed without a line."""
        if self._entered == state.name:
            return
        position = Position(state.name, state.name, self.step)
        said = [f"── {state.name}: {state.title}"]
        self.chain.flush(Event("entered", state=state.name), position=position, said=said)
        self._go_to(state.name)
        self._entered = state.name

    def reopen(self, state: str, step: str | None) -> None:
        """Go back to a detached state that was stopped, at its step."""
        self.step = None
        if self.state != state:
            self._move("reopen", target=state)
        self.step = step

    def finish(self, summary: str) -> None:
        """Record that all is valid; announce it unless the server was serving already."""
        self.step = None
        serving = self.state == SERVING
        said = [] if serving else [f"all valid: {summary}"]
        self.chain.flush(Event("checked", detail=summary), position=Position(SERVING, SERVING), said=said)
        if not serving:
            self._go_to(SERVING)

    def interrupt(self) -> None:
        """Record that the container stops."""
        self.chain.flush(Event("ended", detail="received a stop signal"), position=self._position())

    def stop(self, error: ZflowError, *, looked: bool) -> None:
        """Record what stops the walk, and announce the remedy; `looked`: all audits were asked before."""
        error = error if isinstance(error, (TransientError, OperatorError, StepBug)) else StepBug(codes.BUG, str(error))
        transient = isinstance(error, TransientError)
        next_try = self._around.clock() + self._later() if transient else None
        if isinstance(error, StillFailed):
            next_try = error.next_try
        stopped = {"code": error.code.id, "detail": error.detail, "remedy": error.code.remedy, "next_try": next_try}
        ended = Event("ended", code=error.code.id, detail=LOOKED if looked else None)
        self._move("fail" if transient else "block", ended, stopped=stopped)
        log = its_log(self._around.volume, self.step)
        self._around.announce(f"{self.state}: {error}", f"what to do: {error.code.remedy}{log}")

    def _later(self) -> float:
        step = next((step for step in self._product.steps if step.name == self.step), None)
        return POLICIES[step.retry if step else "local"].later

    def _move(
        self, trigger: str, *events: Event, target: str | None = None, stopped: Mapping[str, object] | None = None
    ) -> None:
        goal = self._workflow.destination(trigger, target)
        place = self._workflow.place if goal in STOPPED else goal
        position = Position(state=goal, place=place, step=self.step, **(stopped or {}))  # type: ignore[arg-type]
        self.chain.flush(*events, position=position)
        self._workflow.move(trigger, goal)

    def _go_to(self, name: str) -> None:
        for trigger, goal in self._workflow.way_to(name):
            self._workflow.move(trigger, goal)

    def _position(self) -> Position:
        if self.state in STOPPED and self._journal.position is not None:
            return self._journal.position
        return Position(self.state, self._workflow.place, self.step)
