"""Walks the product's states in order.

Every walk checks every step: one whose journalled result is current and whose probe holds costs a look, nothing more.
The first start, a restart, a renewed certificate and a repair are therefore the same walk.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from zflow import codes
from zflow.context import Context
from zflow.errors import Interrupted, StepBug, TransientError, ZflowError
from zflow.journal.writer import Journal, Listed
from zflow.step import Product, State, Step
from zflow.supervise.inputs import CHANGED
from zflow.terminal.words import counted
from zflow.walk.ahead import Ahead, Patrol
from zflow.walk.chain import Chain
from zflow.walk.course import Course
from zflow.walk.protocol import settle
from zflow.walk.surroundings import Surroundings
from zflow.walk.task import Outcome, Task
from zflow.walk.tidy import tidy
from zflow.walk.watchlist import Watching

PASSES = 3
"""Passes over all steps in one walk at most. After a pass in which a step acted there is another: what it did may have
undone another step, as a restart that did not succeed."""
EXCHANGES = 1000
"""Times at most that one walk starts to count its passes again, because watched files changed."""
ASKED = "reset-state "
"""Prefix of the reason of a walk that `zflow reset-state` requested."""
SUSPECT = "no record that the last container stopped in order: checking everything thoroughly"
MOMENT = 0.3
"""Seconds between two looks while background steps still run after a stop."""


@dataclass(frozen=True)
class Stopped:
    """What stopped a detached state."""

    error: ZflowError
    state: str
    step: str | None


class Walker:
    """The process that may write the journal; each call of `walk` is one walk."""

    def __init__(
        self,
        product: Product,
        journal: Journal,
        surroundings: Surroundings,
        wake: threading.Event,
        reload: Callable[[], None] = lambda: None,
    ) -> None:
        """`reload` loads the settings again and may raise OperatorError; called before a walk and when one is woken."""
        self._product = product
        self._journal = journal
        self._around = surroundings
        self._wake = wake
        self._reload = reload
        self._watching = Watching(product, surroundings)
        self._stopped: Stopped | None = None
        self._course = Course(product, journal, surroundings)
        self._acted = False
        """Whether a step did or found out anything in the present pass."""
        self._applied: set[str] = set()
        """The names of the steps that this walk has applied."""
        self._deep = False
        self._looked = False
        self._hasty = False
        self._codes = {each.id: each for each in (*codes.ENGINE_CODES, *product.codes)}
        self._ahead = Ahead(surroundings.stopping, surroundings.announce)

    def walk(self, reason: str, *, deep: bool = False) -> str:
        """Walk until all is valid or something stops it; return the machine's state.

        `deep` asks the steps' audits, which take longer than their probes; a walk does so too after a container that
        did not stop in order. Raises Interrupted, after recording it, when the container stops.
        """
        said = [SUSPECT] if self._journal.suspect and not deep else []
        self._course.begin(reason, said)
        self._applied.clear()
        self._deep, self._stopped, self._looked = deep or self._journal.suspect, None, False
        self._hasty = deep or reason.startswith((CHANGED, ASKED))
        try:
            self._walk_until_at_rest()
        except Interrupted:
            self._course.interrupt()
            raise
        except ZflowError as error:
            self._course.stop(error, looked=self._looked)
        except Exception as error:  # noqa: BLE001 - a defect of ours is recorded, shown by its code, and logged
            self._log(error)
            self._course.stop(StepBug(codes.BUG, f"{type(error).__name__}: {error}"), looked=self._looked)
        self._watching.leave()
        try:
            tidy(self._journal, self._around.home / "logs", self._product.turns)
        except Exception as error:  # noqa: BLE001 - the walk has ended already
            self._log(error)
        return self._course.state

    def linger(self) -> str | None:
        """After a stop, let background steps run on; return why to walk again meanwhile, None when they have ended.

        `zflow resume`, the time of the next try and changed files are reasons, as they are to the supervisor.
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
        """Walk all states, and again after steps acted, until one pass finds all steps valid."""
        self._reload()
        self._product.accept(self._around.product_context())
        self._watching.begin()
        passes = exchanges = 0
        while passes < PASSES:
            try:
                self._pass()
            except Patrol:
                self._look_again()
                continue
            passes += 1
            self._looked = self._looked or self._deep
            if not self._acted:
                self._end()
                return
            if self._look_again() and (exchanges := exchanges + 1) < EXCHANGES:
                passes = 0  # the steps act again for the changed files, and not because they undo each other
        raise TransientError(codes.NOT_PROVEN, f"steps keep changing each other's results ({PASSES} passes)")

    def _end(self) -> None:
        """End the walk after a pass that did nothing: all is valid. Raises what stopped a detached state."""
        if (stopped := self._stopped) is not None:
            self._course.reopen(stopped.state, stopped.step)
            raise stopped.error
        checked, applied = len(self._product.steps), len(self._applied)
        self._course.finish(f"{counted(checked, 'step')} checked, {applied} applied, {checked - applied} unchanged")

    def _look_again(self) -> bool:
        """Prepare another pass; tell whether watched files changed, after which a stopped state is tried again."""
        self._course.chain.flush()
        self._deep = False
        if not self._watching.changed():
            return False
        self._reload()
        self._watching.begin()
        self._stopped = None
        return True

    def _pass(self) -> None:
        """Walk all states once, without a detached one that is stopped; remember what stops one."""
        self._acted = False
        self._course.begin_pass()
        self._start_ahead()
        for state in self._product.states:
            if self._stopped is not None and self._stopped.state == state.name:
                continue
            try:
                self._walk_state(state)
            except ZflowError as error:
                if not state.detached:
                    raise
                self._around.announce(f"{state.name} is stopped: {error}; continuing with the next states")
                self._stopped = self._stopped or Stopped(error, state.name, self._course.step)

    def _walk_state(self, state: State) -> None:
        for step in state.steps:
            self._course.step = step.name
            if self._around.stopping.is_set():
                raise Interrupted
            if step.ahead:
                if self._ahead.busy(step.name):
                    self._course.chain.flush()
                outcome = self._ahead.result(step)
            else:
                outcome = settle(self._task(state, step, self._course.chain, partial(self._course.enter, state)))
            self._acted = self._acted or outcome != "unchanged"
            if outcome == "applied":
                self._applied.add(step.name)
        self._course.step = None

    def _start_ahead(self) -> None:
        for state in self._product.states:
            for step in state.steps:
                if step.ahead:
                    self._ahead.start(step.name, partial(self._settle_ahead, state, step))

    def _settle_ahead(self, state: State, step: Step) -> Outcome:
        chain = Chain(self._journal, self._around.announce)
        outcome = settle(self._task(state, step, chain, lambda: None))  # a background step moves no machine
        chain.flush()
        return outcome

    def _task(self, state: State, step: Step, chain: Chain, enter: Callable[[], None]) -> Task:
        return Task(
            step=step,
            state=state.name,
            chain=chain,
            context=self._around.context,
            failed_look=self._around.failed_look,
            enter=enter,
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


def listed(product: Product) -> list[Listed]:
    """Return the steps as the journal lists them for `status`."""
    return [
        Listed(step.name, state.name, step.title, step.scope.value, step.weight)
        for state in product.states
        for step in state.steps
    ]
