"""One attempt: cleanup → intent → apply → sync → probe → outcome, and the wait until the next one."""

from __future__ import annotations

import time
from dataclasses import dataclass

from zflow import codes
from zflow.context import Context
from zflow.errors import Interrupted, TransientError, ZflowError
from zflow.host.files import sync_volume
from zflow.retry import POLICIES, next_wait
from zflow.step import Evidence, Scope, Step
from zflow.walk.faults import understood
from zflow.walk.keys import key_of
from zflow.walk.task import Task

MOMENT = 0.5
"""Seconds until a step is tried for its new inputs, where they changed during an attempt: they may still change."""


@dataclass
class Attempt:
    """One attempt under way; `key` is what it is made for, empty until that is known."""

    task: Task
    ctx: Context
    number: int
    began: float
    key: str = ""

    @property
    def took(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began


def try_once(task: Task) -> bool:
    """Make one attempt; return whether it succeeded, after the back-off when it did not.

    Raises what stops the walk, after it has been recorded: OperatorError, StepBug, TransientError or Interrupted.
    """
    number = task.record.attempts + 1
    ctx = task.context(task.step, number)
    attempt = Attempt(task, ctx, number, time.monotonic())
    try:
        evidence = _make(attempt)
    except Interrupted:
        task.chain.flush(task.event("interrupted", attempt=number, duration=attempt.took))
        raise
    except ZflowError as error:
        if not _superseded(attempt):
            _failed(attempt, error)
        return False
    except Exception as error:  # noqa: BLE001 - whatever a step raises is recorded, shown by its code, and logged
        _failed(attempt, understood(ctx.volume, error, ctx.log))
        return False
    finally:
        ctx.progress.clear()
    took = attempt.took
    done = task.event("done", attempt=number, key=attempt.key, evidence=evidence.line, duration=round(took, 3))
    task.chain.add(done, f"{task.step.title}: done in {took:.1f} s", *notices(evidence))
    return True


def _make(attempt: Attempt) -> Evidence:
    """Make the postcondition hold; return what shows that it does."""
    task, ctx, step, number = attempt.task, attempt.ctx, attempt.task.step, attempt.number
    attempt.key = key_of(step, ctx)
    # A journal that knows nothing of a step may be a new one, made after an interrupted attempt.
    if step.cleanup is not None and (task.record.unfinished or task.record.last_kind is None):
        step.cleanup(ctx)
    failures = task.record.failures  # the operator counts attempts since the last success, as the status does
    begun = f"{step.title} … (attempt {failures + 1})" if failures else f"{step.title} …"
    task.chain.flush(task.event("started", attempt=number, key=attempt.key), said=[begun])
    step.apply(ctx)
    make_durable(step, ctx)
    seen = step.probe(ctx)
    if isinstance(seen, Evidence):
        return seen
    lacking = seen.summary if seen is not None else "its commands succeeded, but the probe does not see their result"
    raise TransientError(codes.NOT_PROVEN, f"{step.name}: {lacking}")


def notices(evidence: Evidence) -> list[str]:
    """Return the log lines of an evidence's notices."""
    return [f"notice: {each}" for each in evidence.notices]


def make_durable(step: Step, ctx: Context) -> None:
    """Sync what a step wrote; not one of the boot: the power cut that could lose its effect makes it due again."""
    if step.scope is not Scope.BOOT:
        sync_volume(ctx.volume)


def _superseded(attempt: Attempt) -> bool:
    """Tell whether an attempt failed because its inputs changed meanwhile: it is made again and is not a failure.

    Raises Interrupted when the container stops.
    """
    task, ctx = attempt.task, attempt.ctx
    try:
        now = key_of(task.step, ctx)
    except Exception:  # noqa: BLE001 - the error of the attempt is reported, not that of this question
        return False
    if now == attempt.key or not attempt.key:
        return False
    ctx.log(f"the key was {attempt.key} and is {now}")
    reason = "its inputs changed during the attempt; running it again"
    ended = task.event("interrupted", attempt=attempt.number, detail=reason, duration=attempt.took)
    task.chain.flush(ended, said=[f"{task.step.title}: {reason}"])
    task.wait(ctx, MOMENT)
    return True


def _failed(attempt: Attempt, error: ZflowError) -> None:
    """Record a failure and wait until the next try. Raises the error when there is none in this walk."""
    task, ctx, values = attempt.task, attempt.ctx, {"attempt": attempt.number, "duration": attempt.took}
    policy, record, now = POLICIES[task.step.retry], task.record, ctx.clock()
    due = record.due if record.due is not None and now < record.due <= now + policy.ceiling + policy.jitter else None
    ctx.log(f"{error}")
    try:
        wait = next_wait(policy, record.spent if due is not None else record.spent + 1, error)
    except ZflowError:
        task.chain.flush(task.fault("blocked", error, **values))
        raise
    if wait is None:
        task.chain.flush(task.fault("gave-up", error, next_try=ctx.clock() + policy.later, **values))
        raise error
    if due is not None:  # an attempt made before its time neither counts nor puts off the one that is due
        wait = due - now
    failed = task.fault("failed", error, next_try=ctx.clock() + wait if due is None else due, **values)
    task.chain.flush(failed, said=[f"{error}; attempt {record.failures + 2} in {wait:.0f} s"])
    task.wait(ctx, wait)
