"""One step, durably: look → decide → intent → apply → sync → probe → outcome.

No journal can tell whether the power went out just before or just after an effect; only the world can. So a journalled
line alone is never trusted: a probe looks before a step is skipped, after it ran, and when an attempt has no outcome.

One commit a step: the outcome of a step waits (`Chain`) for the intent of the next one and shares its commit. A kill in
between leaves the earlier step without an outcome, and its probe decides.
"""

from __future__ import annotations

from zflow.errors import CommandError, StillFailed, ZflowError
from zflow.step import Evidence
from zflow.walk.attempt import make_durable, notices, try_once
from zflow.walk.decide import Decision, World, decide, look
from zflow.walk.faults import understood
from zflow.walk.task import Outcome, Task

RECENT = 30.0
"""Seconds after a failure within which a new walk waits for the next try, as the one before would have. Later it tries
at once: the operator may have restarted the container for that."""


def settle(task: Task) -> Outcome:
    """Make a step's postcondition hold, or find that it does; return which.

    Raises OperatorError or StepBug when the step is blocked, TransientError when its budget is used up, Interrupted
    when the container stops; each after it has been recorded.
    """
    try:
        world, decision = _looked(task)
        if decision.verdict in {"holds", "found"}:
            return _found(task, world, decision)
    except ZflowError as error:
        task.chain.flush(task.fault("blocked", error))
        raise
    except Exception as error:
        fault = understood(task.context(task.step, None).volume, error, task.failed_look(task.step))
        task.chain.flush(task.fault("blocked", fault))
        raise fault from error
    task.enter()
    if decision.error is not None:
        task.chain.flush(task.fault("blocked", decision.error))
        raise decision.error
    if decision.verdict == "lost":
        task.chain.add(task.event("lost", detail=decision.why), f"{task.step.title}: {decision.why}; running it again")
    elif task.record.valid:
        task.chain.unsaid.append(f"{task.step.title}: {decision.why}")
    _wait_on(task)
    while not try_once(task):
        pass
    return "applied"


def _looked(task: Task) -> tuple[World, Decision]:
    """Return what a look sees and what follows; an error leaves the last words of what it ran in a log.

    No attempt may have one yet, and the operator needs those lines.
    """
    try:
        world = look(task.step, task.record, task.context(task.step, None), deep=task.deep)
    except ZflowError as error:
        log = task.failed_look(task.step)
        for line in [*(error.tail.splitlines() if isinstance(error, CommandError) else ()), str(error)]:
            log(line)
        raise
    return world, decide(task.step, task.record, world)


def _found(task: Task, world: World, decision: Decision) -> Outcome:
    """Record what a look saw of a postcondition that holds, where it is news."""
    step, chain, record, evidence = task.step, task.chain, task.record, world.seen
    assert isinstance(evidence, Evidence)
    clean = chain.journal.cleaned
    before = record.evidence or ""
    if decision.verdict == "holds" and evidence.agrees_with(before, clean):
        if clean(evidence.line) != before:
            chain.add(task.found("satisfied", world.key, evidence))
        return "unchanged"
    task.enter()
    make_durable(step, task.context(step, None))  # the effect of an attempt without an outcome may not be on the disk
    kind, said = (
        ("recovered", "the interrupted attempt had taken effect") if record.cut_off else ("satisfied", "unchanged")
    )
    chain.add(task.found(kind, world.key, evidence), f"{step.title}: {said}", *notices(evidence))
    return "found"


def _wait_on(task: Task) -> None:
    """Wait out the back-off that an earlier walk began, so that a loop of restarts does not try without a pause.

    Raises StillFailed where that walk had given up until later.
    """
    step, chain, failure = task.step, task.chain, task.record
    if task.hasty or not chain.journal.failed_before(step.name):
        return
    assert failure.next_try is not None
    assert failure.last_at is not None
    ctx = task.context(step, None)
    now = ctx.clock()
    if now >= failure.next_try or not 0 <= now - failure.last_at < RECENT:  # a negative age: the clock was set back
        return
    left = failure.next_try - now
    code = task.known(failure.code or "")
    if failure.last_kind == "gave-up" and code is not None:
        raise StillFailed(code, failure.detail or "", now + left)
    chain.flush(said=[f"{step.title}: failed recently ({failure.code}); next attempt in {left:.0f} s"])
    task.wait(ctx, left)
