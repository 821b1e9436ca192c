"""One step, durably: due? → probe → intent → apply → sync → probe → outcome.

No journal can tell whether the power went out just before or just after an effect; only the world can. So a journalled
line alone is never trusted: a probe looks before a step is skipped, after it ran, and when an attempt has no outcome.

One commit a step: the outcome of a step waits (`Chain`) for the intent of the next one and shares its commit. A kill in
between leaves the earlier step in flight, and its probe decides. Nothing is said of an event before it is on the disk.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from zflow import codes
from zflow.context import Context
from zflow.errors import (
    Code,
    CommandError,
    Interrupted,
    OperatorError,
    StepBug,
    StillFailed,
    TransientError,
    ZflowError,
)
from zflow.host.files import sync_volume
from zflow.host.oom import oom_kills
from zflow.journal.event import Event
from zflow.journal.writer import Journal, Position, Record
from zflow.output import Announce
from zflow.retry import POLICIES, next_wait
from zflow.step import Drift, Evidence, Probe, Scope, Step
from zflow.walk.keys import key_of, why_due

DEATHS = 3
"""So many times may a step take the walker down with it, within one boot, before it is blocked."""

RECENT = 30.0
"""Seconds after a failure within which a new walk waits on for its next try, as the one before would have; later it may
try at once, for the container may have been started again to that end."""

MOMENT = 0.5
"""Seconds until a step is tried for its new inputs, where they changed under an attempt; they may not rest yet."""


@dataclass
class Chain:
    """Events that wait for the next commit, and what is to be said of them.

    `flush` makes them durable, with the position as it then is, and only then announces the lines, all in one go; the
    time they bear is that of the commit.
    """

    journal: Journal
    announce: Announce
    position: Callable[[], Position | None] = lambda: None
    waiting: list[Event] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)

    def add(self, event: Event, *said: str) -> None:
        """Let an event wait for the next commit, and lines with it."""
        self.waiting.append(event)
        self.unsaid += said

    def flush(self, *events: Event, position: Position | None = None, said: Sequence[str] = ()) -> None:
        """Commit what waits and `events` in one transaction, then say what is to be said."""
        together = [*self.waiting, *events]
        where = position or self.position()
        if together or position is not None:
            self.journal.record(together, where)
        lines = [*self.unsaid, *said]
        self.waiting.clear()
        self.unsaid.clear()
        if lines:
            self.announce(*lines)


@dataclass(frozen=True)
class Task:
    """All that the protocol needs to take one step."""

    step: Step
    state: str
    chain: Chain
    context: Callable[[Step, int | None], Context]
    """Makes the step's context; without an attempt's number nothing is logged, as for a probe."""
    failed_look: Callable[[Step], Callable[[str], None]]
    """Returns what writes the log of a look that failed."""
    enter: Callable[[], None]
    """Told before anything is recorded: the machine moves to the step's state."""
    wait: Callable[[Context, float], None]
    """Sleeps out a back-off; returns early when the operator says so, raises Interrupted when told to stop."""
    known: Callable[[str], Code | None] = lambda _id: None
    """Returns the error code of an identifier, as the journal has it."""
    hasty: bool = False
    """Try at once what has a next try: on the operator's word, or where something has changed."""
    deep: bool = False
    """Ask the step's audit, where it has one, before it is skipped: not at every start, for it is dear."""

    def look(self, record: Record) -> Probe:
        """Return what says whether the postcondition holds already: the probe, or the audit where that is asked."""
        return self.step.look(deep=self.deep or record.asked)


def settle(task: Task) -> bool:
    """Bring a step's postcondition about, or find that it holds; return whether anything was recorded.

    Raises OperatorError or StepBug when the step is blocked, TransientError when its budget is used up, Interrupted
    when the container is told to stop; each after it has been recorded.
    """
    step, chain = task.step, task.chain
    record = chain.journal.step(step.name)
    ctx = task.context(step, None)
    try:
        key, seen = _look(task, record, ctx)
        evidence = None if isinstance(seen, Drift) else seen
        stands = record.valid and record.key == key and not record.unfinished
        if evidence is not None and stands and evidence.agrees_with(record.evidence, chain.journal.cleaned):
            if chain.journal.cleaned(evidence.line) != record.evidence:
                # Nothing was done and nothing is said, yet the journal shall tell what was seen last.
                chain.add(_found(task, "satisfied", key, evidence))
            return False
        task.enter()
        if evidence is not None:
            # An attempt killed before its sync may have left what a probe sees and a power cut would take.
            _make_durable(step, ctx)
            kind = "recovered" if record.in_flight else "satisfied"
            already = f"{step.title}: {'it had taken effect' if record.in_flight else 'already so'}"
            chain.add(_found(task, kind, key, evidence), already, *_notices(evidence))
            return True
        _refuse_hopeless(task)
    except ZflowError as error:
        chain.flush(_fault(task, "blocked", error))
        raise
    except Exception as error:
        fault = _understood(ctx, error, task.failed_look(step))
        chain.flush(_fault(task, "blocked", fault))
        raise fault from error
    if record.valid and record.key == key:
        gone = seen.summary if isinstance(seen, Drift) else "its result is gone"
        chain.add(_event(task, "lost", detail=gone), f"{step.title}: {gone}; doing it again")
    elif record.valid:
        chain.unsaid.append(f"{step.title}: {why_due(record.key, key)}")
    _wait_on(task)
    while not _try_once(task):
        pass
    return True


def _look(task: Task, record: Record, ctx: Context) -> tuple[str, Evidence | Drift | None]:
    """Return the step's key and what its look sees; an error leaves the last words of what it ran in a log.

    There may be no attempt that has one, and what an operator is told to correct is read there.
    """
    try:
        key = key_of(task.step, ctx)
        again = task.step.in_flight == "rerun" and record.unfinished
        return key, None if again else task.look(record)(ctx)
    except ZflowError as error:
        log = task.failed_look(task.step)
        for line in [*(error.tail.splitlines() if isinstance(error, CommandError) else ()), str(error)]:
            log(line)
        raise


def _wait_on(task: Task) -> None:
    """Sleep out the back-off that an earlier walk began, so that a loop of restarts does not try without a pause.

    Raises StillFailed where that walk had given up until later.
    """
    step, chain = task.step, task.chain
    failure = chain.journal.failure(step.name)
    if failure is None or task.hasty:
        return
    ctx = task.context(step, None)
    now = ctx.clock()
    if now >= failure.next_try or not 0 <= now - failure.at < RECENT:  # below 0 the clock was set back since
        return
    left = failure.next_try - now
    code = task.known(failure.code)
    if failure.kind == "gave-up" and code is not None:
        raise StillFailed(code, failure.detail, now + left)
    chain.flush(said=[f"{step.title}: failed shortly before ({failure.code}), next attempt in {left:.0f} s"])
    task.wait(ctx, left)


def _refuse_hopeless(task: Task) -> None:
    step, record = task.step, task.chain.journal.step(task.step.name)
    if step.once and record.valid:
        raise OperatorError(codes.LOST, f"{step.name} ({step.title}) was complete and its probe fails now")
    if record.undecided and step.in_flight == "ask":
        raise OperatorError(codes.ASK, f"{step.name}, attempt {record.attempt}")
    if record.deaths >= DEATHS:
        killed = oom_kills()
        memory = f"; out of memory: the kernel ended {killed} processes of this container" if killed else ""
        raise OperatorError(codes.POISON, f"{step.name} ended the walker {record.deaths} times in this boot{memory}")


def _try_once(task: Task) -> bool:
    """Make one attempt; return whether it succeeded, after the back-off when it did not."""
    step, chain = task.step, task.chain
    record = chain.journal.step(step.name)
    number = record.attempt + 1
    ctx = task.context(step, number)
    started = time.monotonic()
    key = ""
    try:
        key = key_of(step, ctx)
        # A journal that knows nothing of a step may have been begun anew, after an attempt that was cut off.
        if step.cleanup is not None and (record.unfinished or record == Record()):
            step.cleanup(ctx)
        begun = f"{step.title} …" if number == 1 else f"{step.title} … (attempt {number})"
        chain.flush(_event(task, "started", attempt=number, key=key), said=[begun])
        step.apply(ctx)
        _make_durable(step, ctx)
        evidence = _proof(step, ctx)
    except Interrupted:
        chain.flush(_event(task, "interrupted", attempt=number, duration=time.monotonic() - started))
        raise
    except ZflowError as error:
        if not _superseded(task, ctx, number, key, started):
            _failed(task, ctx, number, error, started)
        return False
    except Exception as error:  # noqa: BLE001 - whatever a step raises is recorded, shown by its code, and logged whole
        _failed(task, ctx, number, _understood(ctx, error, ctx.log), started)
        return False
    finally:
        ctx.progress.clear()
    took = time.monotonic() - started
    done = _event(task, "done", attempt=number, key=key, evidence=evidence.line, duration=round(took, 3))
    chain.add(done, f"{step.title}: done in {took:.1f} s", *_notices(evidence))
    return True


def _notices(evidence: Evidence) -> list[str]:
    return [f"notice: {each}" for each in evidence.notices]


def _make_durable(step: Step, ctx: Context) -> None:
    """Sync what a step wrote; not one of the boot: the power cut that could lose its effect makes it due again."""
    if step.scope is not Scope.BOOT:
        sync_volume(ctx.volume)


def _proof(step: Step, ctx: Context) -> Evidence:
    seen = step.probe(ctx)
    if isinstance(seen, Evidence):
        return seen
    lacking = seen.summary if seen is not None else "its probe does not see what its commands promised"
    raise TransientError(codes.NOT_PROVEN, f"{step.name}: {lacking}")


def _superseded(task: Task, ctx: Context, number: int, key: str, started: float) -> bool:
    """Tell whether an attempt failed over inputs that are there no more: such a one is made anew and is no failure.

    Raises Interrupted when the container is told to stop.
    """
    try:
        now = key_of(task.step, ctx)
    except Exception:  # noqa: BLE001 - what the attempt failed over is told, not what this question did
        return False
    if now == key or not key:
        return False
    ctx.log(f"the key was {key} and is {now}")
    told = "its inputs changed meanwhile"
    ended = _event(task, "interrupted", attempt=number, detail=told, duration=time.monotonic() - started)
    task.chain.flush(ended, said=[f"{task.step.title}: {told}"])
    task.wait(ctx, MOMENT)
    return True


def _failed(task: Task, ctx: Context, number: int, error: ZflowError, started: float) -> None:
    step, chain = task.step, task.chain
    duration = time.monotonic() - started
    policy = POLICIES[step.retry]
    record, now = chain.journal.step(step.name), ctx.clock()
    due = record.due if record.due is not None and now < record.due <= now + policy.ceiling + policy.jitter else None
    failures = record.spent if due is not None else record.spent + 1
    ctx.log(f"{error}")
    try:
        wait = next_wait(policy, failures, error)
    except ZflowError:
        chain.flush(_fault(task, "blocked", error, attempt=number, duration=duration))
        raise
    if wait is None:
        later = ctx.clock() + policy.later
        chain.flush(_fault(task, "gave-up", error, attempt=number, duration=duration, next_try=later))
        raise error
    if due is not None:  # made before its time, it neither counts nor puts off the one that is due
        wait = due - now
    failed = _fault(
        task, "failed", error, attempt=number, duration=duration, next_try=ctx.clock() + wait if due is None else due
    )
    chain.flush(failed, said=[f"{error}; attempt {number + 1} in {wait:.0f} s"])
    task.wait(ctx, wait)


def _understood(ctx: Context, error: Exception, log: Callable[[str], None]) -> ZflowError:
    """Return what an unforeseen error means: the volume's state, else a defect of ours, whose traceback is logged."""
    if isinstance(error, OSError) and (code := codes.meant(error, ctx.volume)) is not None:
        if code is codes.VOLUME_READ_ONLY and not str(error.filename or "").startswith(f"{ctx.volume}/"):
            code = codes.ROOT_READ_ONLY
        return OperatorError(code, f"{error.filename or 'a file'}: {error.strerror}")
    log("".join(traceback.format_exception(error)))
    return StepBug(codes.BUG, f"{type(error).__name__}: {error}")


def _fault(task: Task, kind: str, error: ZflowError, **values: object) -> Event:
    family = "transient" if isinstance(error, TransientError) else "bug" if isinstance(error, StepBug) else "operator"
    return _event(task, kind, code=error.code.id, error_class=family, detail=error.detail, **values)


def _found(task: Task, kind: str, key: str, evidence: Evidence) -> Event:
    """Return the event of a look that saw the postcondition; what the last effect took is known on."""
    record = task.chain.journal.step(task.step.name)
    took = None if record.in_flight else record.duration
    return _event(task, kind, key=key, evidence=evidence.line, attempt=record.attempt or None, duration=took)


def _event(task: Task, kind: str, **values: object) -> Event:
    return Event(kind=kind, state=task.state, step=task.step.name, **values)  # type: ignore[arg-type]
