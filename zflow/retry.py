"""When to try again: policies as data. tenacity computes the waits; the journal keeps the attempts over restarts."""

from __future__ import annotations

from dataclasses import dataclass

from zflow.errors import TransientError


@dataclass(frozen=True)
class Policy:
    """How often and how soon. All times in seconds; waits double from `first` up to `ceiling`, plus up to `jitter`.

    After `attempts` failures the walk stops as `failed`, and the next walk starts after `later`.
    """

    attempts: int
    first: float
    ceiling: float
    jitter: float
    later: float


POLICIES = {
    "never": Policy(attempts=1, first=0, ceiling=0, jitter=0, later=900),
    "local": Policy(attempts=3, first=1, ceiling=10, jitter=1, later=300),
    "network": Policy(attempts=8, first=2, ceiling=300, jitter=5, later=900),
    "vendor": Policy(attempts=2, first=10, ceiling=60, jitter=5, later=1800),
}


def next_wait(policy: Policy, failures: int, error: Exception) -> float | None:
    """Return the seconds to wait after the `failures`-th failure in a row, or None when the budget is used up.

    Raises `error` itself when it is not transient.
    """
    if not isinstance(error, TransientError):
        raise error
    # Imported here: a start in which nothing fails does not wait for it.
    from tenacity import RetryCallState, Retrying, stop_after_attempt, wait_exponential, wait_random

    attempt = RetryCallState(Retrying(), None, (), {})
    attempt.attempt_number = failures
    if stop_after_attempt(policy.attempts)(attempt):
        return None
    wait = wait_exponential(multiplier=policy.first, max=policy.ceiling) + wait_random(0, policy.jitter)
    return wait(attempt)
