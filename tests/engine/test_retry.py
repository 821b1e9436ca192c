"""Retry policies: how often, how soon, and what is never tried again."""

from __future__ import annotations

import pytest

from zflow import codes
from zflow.errors import OperatorError, StepBug, TransientError
from zflow.retry import POLICIES, Policy, next_wait

ERROR = TransientError(codes.COMMAND, "the mirror is dead")


@pytest.mark.parametrize("name", POLICIES)
def test_each_policy_allows_its_attempts_and_no_more(name: str) -> None:
    """The wait after every failure but the last is a number, after the last there is none."""
    policy = POLICIES[name]
    waits = [next_wait(policy, failures, ERROR) for failures in range(1, policy.attempts + 2)]
    assert [wait is None for wait in waits] == [False] * (policy.attempts - 1) + [True, True]


@pytest.mark.parametrize("name", POLICIES)
def test_waits_double_up_to_the_ceiling_with_bounded_jitter(name: str) -> None:
    """Each wait lies between the doubled first one, held by the ceiling, and that plus the jitter."""
    policy = POLICIES[name]
    for failures in range(1, policy.attempts):
        base = min(policy.first * 2 ** (failures - 1), policy.ceiling)
        for _ in range(50):
            wait = next_wait(policy, failures, ERROR)
            assert wait is not None
            assert base <= wait <= base + policy.jitter


def test_the_jitter_spreads_the_waits() -> None:
    """Two containers that fail together do not come back together: each wait between no jitter and all of it occurs."""
    policy = Policy(attempts=2, first=1, ceiling=1, jitter=10, later=0)
    waits = {int(next_wait(policy, 1, ERROR) or 0) for _ in range(500)}
    assert waits == set(range(1, 11))


def test_the_ceiling_holds_for_ever() -> None:
    """No number of failures makes a wait longer than the ceiling and the jitter."""
    policy = Policy(attempts=10_000, first=2, ceiling=300, jitter=5, later=0)
    wait = next_wait(policy, 5_000, ERROR)
    assert wait is not None
    assert 300 <= wait <= 305


@pytest.mark.parametrize("kind", [OperatorError, StepBug])
def test_what_does_not_pass_is_raised_again(kind: type[OperatorError | StepBug]) -> None:
    """An error that no waiting mends comes back itself, however large the budget is."""
    error = kind(codes.SETTINGS, "wrong")
    with pytest.raises(kind) as raised:
        next_wait(POLICIES["network"], 1, error)
    assert raised.value is error
