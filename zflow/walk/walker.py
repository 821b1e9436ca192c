"""Walks the product's states in order and keeps the machine, the journal and the operator's view in step.

Every walk looks at every step: one whose journalled result still stands and whose probe holds costs a look, nothing
more. The first start, a restart, a renewed certificate and a repair are therefore the same walk.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from zflow import codes
from zflow.context import Context
from zflow.errors import Interrupted, OperatorError, StepBug, StillFailed, TransientError, ZflowError
from zflow.journal.event import LOOKED, Event
from zflow.journal.layout import its_log
from zflow.journal.writer import Journal, Listed, Position
from zflow.retry import POLICIES
from zflow.step import Product, State, Step
from zflow.supervise.inputs import CHANGED
from zflow.walk.ahead import Ahead, Patrol
from zflow.walk.chain import Chain
from zflow.walk.machine import SERVING, STOPPED, Workflow
from zflow.walk.protocol import settle
from zflow.walk.surroundings import Surroundings
from zflow.walk.task import Task
from zflow.walk.tidy import tidy
from zflow.walk.watchlist import Watching

PASSES = 3
"""So many times at most is everything looked at in one walk. After a step acted, all is looked at once more: what it
did may have undone another, as a restart that did not succeed."""
EXCHANGES = 1000
"""So many times at most does one walk begin to count anew, because watched files changed meanwhile."""
ASKED = "reset-state "
"""How the reason begins of one that the operator asked for, of which a part alone is looked at thoroughly."""
SUSPECT = "not known to be as the last start left it: everything is looked at thoroughly"
MOMENT = 0.3
"""Seconds between two looks while work ahead of time goes on after a stop."""


@dataclass
class Count:
    """How many steps a walk found in order, and how many it had to bring about."""

    held: int = 0
    acted: int = 0


@dataclass(frozen=True)
class Stopped:
    """What stopped a state that does not keep the others from being walked."""

    error: ZflowError
    state: str
    step: str | None


def _keep() -> None:
    """Keep the settings there are; the default where nothing loads them."""


class Walker:
    """One process that may write the journal; `walk` goes through all states once, as often as it is called."""

    def __init__(
        self,
        product: Product,
        journal: Journal,
        surroundings: Surroundings,
        wake: threading.Event,
        reload: Callable[[], None] = _keep,
    ) -> None:
        """`reload` loads the settings anew and may raise OperatorError; asked before a walk and when one is woken."""
        self._product = product
        self._journal = journal
        self._around = surroundings
        self._wake = wake
        self._reload = reload
        self._watching = Watching(product, surroundings)
        self._stopped: Stopped | None = None
        names = [state.name for state in product.states]
        at = journal.position
        self._workflow = Workflow(names, at.state if at else None, at.place if at else None)
        self._step: str | None = None
        self._entered: str | None = None
        self._deep = False
        self._looked = False
        self._hasty = False
        self._codes = {each.id: each for each in (*codes.ENGINE_CODES, *product.codes)}
        self._chain = Chain(journal, surroundings.announce, self._position)
        self._ahead = Ahead(surroundings.stopping, surroundings.announce)

    def walk(self, reason: str, *, deep: bool = False) -> str:
        """Walk until all is valid or something stops it; return the machine's state.

        `deep` asks the steps' audits, which are dearer than their probes; so does a walk after a container that was not
        stopped in order. Raises Interrupted, after recording it, when the container is told to stop.
        """
        said = [SUSPECT] if self._journal.suspect and not deep else []
        self._chain.flush(Event("begun", detail=reason), position=self._position(), said=said)
        if self._workflow.state in STOPPED:
            self._move("resume")
        self._deep, self._stopped, self._looked = deep or self._journal.suspect, None, False
        self._hasty = deep or reason.startswith((CHANGED, ASKED))
        try:
            self._walk_until_at_rest()
        except Interrupted:
            self._chain.flush(Event("ended", detail="told to stop"), position=self._position())
            raise
        except ZflowError as error:
            self._stop(error)
        except Exception as error:  # noqa: BLE001 - a defect of ours is recorded and shown by its code, and logged whole
            self._log(error)
            self._stop(StepBug(codes.BUG, f"{type(error).__name__}: {error}"))
        self._watching.leave()
        try:
            tidy(self._journal, self._around.home / "logs", self._product.turns)
        except Exception as error:  # noqa: BLE001 - a walk has ended as it has, whatever fails after it
            self._log(error)
        return self._workflow.state

    def linger(self) -> str | None:
        """After a stop, let work ahead of time go on; return why to walk again meanwhile, None when it has ended.

        The operator's word, the time for the next try and changed files are reasons, as they are to the supervisor.
        """
        at = self._journal.position
        next_try = at.next_try if at is not None else None
        while self._ahead.busy() and not self._around.stopping.is_set():
            if self._wake.wait(MOMENT):
                self._wake.clear()
                return None if self._around.stopping.is_set() else "resume"
            if next_try is not None and self._around.clock() >= next_try:
                return "time for the next try"
            if (name := self._watching.news()) is not None:
                return f"{CHANGED}{name}"
        return None

    def close(self) -> None:
        """End the background steps."""
        self._ahead.close()

    def _log(self, error: Exception) -> None:
        self._around.product_context().log("".join(traceback.format_exception(error)))

    def _walk_until_at_rest(self) -> None:
        """Walk all states, and again after steps acted, until one pass finds everything as it should be."""
        self._reload()
        self._product.accept(self._around.product_context())
        self._watching.begin()
        first: Count | None = None
        acted = passes = exchanges = 0
        while passes < PASSES:
            count = Count()
            try:
                self._pass(count)
            except Patrol:
                acted += count.acted
                self._chain.flush()
                self._deep = False
                self._take_changes()
                continue
            finally:
                first = first or count
            passes, acted = passes + 1, acted + count.acted
            self._looked = self._looked or self._deep
            if (stopped := self._stopped) is not None and not count.acted:
                self._step = None
                if self._workflow.state != stopped.state:
                    self._move("reopen", target=stopped.state)
                self._step = stopped.step
                raise stopped.error
            if not count.acted:
                self._finish(first.held, acted)
                return
            self._chain.flush()
            self._deep = False
            if self._take_changes() and (exchanges := exchanges + 1) < EXCHANGES:
                passes = 0  # that steps act again is no sign that they undo each other
        raise TransientError(codes.NOT_PROVEN, f"steps act in each of {PASSES} looks and do not come to rest")

    def _take_changes(self) -> bool:
        """Before another look round, tell whether watched files changed: then what was stopped is tried again."""
        if not self._watching.changed():
            return False
        self._reload()
        self._watching.begin()
        self._stopped = None
        return True

    def _pass(self, count: Count) -> None:
        """Walk all states once, without a detached one that was stopped before; remember what stops one."""
        self._entered = None
        self._start_ahead()
        for state in self._product.states:
            if self._stopped is not None and self._stopped.state == state.name:
                continue
            try:
                self._walk_state(state, count)
            except ZflowError as error:
                if not state.detached:
                    raise
                self._around.announce(f"{state.name} is stopped: {error}; the states after it are walked all the same")
                self._stopped = self._stopped or Stopped(error, state.name, self._step)

    def _walk_state(self, state: State, count: Count) -> None:
        for step in state.steps:
            self._step = step.name
            if self._around.stopping.is_set():
                raise Interrupted
            if step.ahead:
                if self._ahead.busy(step.name):
                    self._chain.flush()
                acted = self._ahead.result(step)
            else:
                acted = settle(self._task(state, step, self._chain))
            count.acted += acted
            count.held += not acted
        self._step = None

    def _start_ahead(self) -> None:
        for state in self._product.states:
            for step in state.steps:
                if step.ahead:
                    self._ahead.start(step.name, partial(self._settle_ahead, state, step))

    def _settle_ahead(self, state: State, step: Step) -> bool:
        chain = Chain(self._journal, self._around.announce)
        acted = settle(self._task(state, step, chain))
        chain.flush()
        return acted

    def _task(self, state: State, step: Step, chain: Chain) -> Task:
        return Task(
            step=step,
            state=state.name,
            chain=chain,
            context=self._around.context,
            failed_look=self._around.failed_look,
            enter=partial(self._enter, state) if chain is self._chain else _stay,
            wait=self._wait,
            known=self._codes.get,
            hasty=self._hasty,
            deep=self._deep,
        )

    def _wait(self, _ctx: Context, seconds: float) -> None:
        woken = self._wake.wait(seconds)
        self._wake.clear()
        if self._around.stopping.is_set():
            raise Interrupted
        if woken:
            self._reload()

    def _enter(self, state: State) -> None:
        """Move the machine to a state that has something to do; states without are passed in silence."""
        if self._entered == state.name:
            return
        position = Position(state.name, state.name, self._step)
        self._chain.flush(
            Event("entered", state=state.name), position=position, said=[f"── {state.name}: {state.title}"]
        )
        for trigger, goal in self._workflow.way_to(state.name):
            self._workflow.move(trigger, goal)
        self._entered = state.name

    def _finish(self, held: int, acted: int) -> None:
        summary = f"{held} steps held, {acted} brought about"
        self._step = None
        if self._workflow.state == SERVING:
            self._chain.flush(Event("checked", detail=summary), position=self._position())
            return
        said = [f"all valid: {summary}"]
        self._chain.flush(Event("checked", detail=summary), position=Position(SERVING, SERVING), said=said)
        for trigger, goal in self._workflow.way_to(SERVING):
            self._workflow.move(trigger, goal)

    def _stop(self, error: ZflowError) -> None:
        error = error if isinstance(error, (TransientError, OperatorError, StepBug)) else StepBug(codes.BUG, str(error))
        transient = isinstance(error, TransientError)
        next_try = self._around.clock() + self._later() if transient else None
        if isinstance(error, StillFailed):
            next_try = error.next_try
        stopped = {"code": error.code.id, "detail": error.detail, "remedy": error.code.remedy, "next_try": next_try}
        ended = Event("ended", code=error.code.id, detail=LOOKED if self._looked else None)
        self._move("fail" if transient else "block", ended, stopped=stopped)
        log = its_log(self._around.volume, self._step)
        self._around.announce(f"{self._workflow.state}: {error}", f"what to do: {error.code.remedy}{log}")

    def _later(self) -> float:
        step = next((step for step in self._product.steps if step.name == self._step), None)
        return POLICIES[step.retry if step else "local"].later

    def _move(
        self, trigger: str, *events: Event, target: str | None = None, stopped: Mapping[str, object] | None = None
    ) -> None:
        goal = self._workflow.destination(trigger, target)
        place = self._workflow.place if goal in STOPPED else goal
        position = Position(state=goal, place=place, step=self._step, **(stopped or {}))  # type: ignore[arg-type]
        self._chain.flush(*events, position=position)
        self._workflow.move(trigger, goal)

    def _position(self) -> Position:
        if self._workflow.state in STOPPED and self._journal.position is not None:
            return self._journal.position
        return Position(self._workflow.state, self._workflow.place, self._step)


def listed(product: Product) -> list[Listed]:
    """Return the steps as the journal lists them for `status`."""
    return [
        Listed(step.name, state.name, step.title, step.scope.value, step.weight)
        for state in product.states
        for step in state.steps
    ]


def _stay() -> None:
    """A background step moves no machine."""
