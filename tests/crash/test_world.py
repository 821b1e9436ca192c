"""The simulated world, chosen by hypothesis: whatever happens in whatever order, its laws hold; and they do bite."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.crash.host import Fate, Violation
from tests.crash.life import copied, empty_volume, memory
from tests.crash.steps import STATES
from tests.crash.world import NAMES, WEATHERS, World, run
from zflow.journal.event import Event
from zflow.journal.writer import Journal, Position
from zflow.walk import decide, protocol, reset
from zflow.walk.keys import key_of

EXAMPLES, DEEP = 6, 8
BITES = 5_000
"""Steps within which a broken engine must have been found out."""


def machine(template: Path, volume: Path) -> type[RuleBasedStateMachine]:
    """Return the rules over one volume, made anew for each history."""

    class Rules(RuleBasedStateMachine):
        @initialize(seed=st.integers(0, 10**6))
        def begin(self, seed: int) -> None:
            self.world = World(str(seed), copied(template, volume))

        @rule(fate=st.sampled_from(Fate), fatal=st.integers(1, 60), deep=st.booleans())
        def live(self, fate: Fate, fatal: int, deep: bool) -> None:
            self.world.live(fate, fatal, deep=deep)

        @rule(number=st.integers(0, len(WEATHERS) - 1))
        def turn(self, number: int) -> None:
            self.world.host.weather = WEATHERS[number]

        @rule(name=st.sampled_from(NAMES))
        def change(self, name: str) -> None:
            self.world.change(name)

        @rule(state=st.sampled_from(STATES))
        def reset(self, state: str) -> None:
            self.world.reset(state)

        @rule(name=st.sampled_from(NAMES))
        def lose(self, name: str) -> None:
            self.world.lose(name)

        @rule(years=st.floats(-10, 10))
        def jump(self, years: float) -> None:
            self.world.jump(years)

        @rule()
        def put_aside(self) -> None:
            self.world.put_aside()

        @rule()
        def restart(self) -> None:
            self.world.restart()

        def teardown(self) -> None:
            self.world.settle_down()

    return Rules


def test_the_laws_hold_whatever_happens() -> None:
    """Crashes, faults, clock jumps, changed inputs, second starters, resets: nothing lost, nothing done twice, and
    when faults stop all becomes valid."""
    with empty_volume() as template, tempfile.TemporaryDirectory(dir=memory()) as folder:
        run_state_machine_as_test(
            machine(template, Path(folder, "volume")),
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=DEEP,
                suppress_health_check=list(HealthCheck),
                derandomize=True,
            ),
        )


@pytest.mark.slow
def test_a_seed_repeats_its_world() -> None:
    """Two runs of one seed pass the same points and count the same, so a violation's seed leads to it again."""
    assert run("repeat", 1, alone=True) == run("repeat", 1, alone=True)


def unsynced(_patch: pytest.MonkeyPatch) -> None:
    """An engine that records an outcome before what it tells of is on the disk."""
    _patch.setattr("tests.crash.host.Host.sync", lambda _self: None)


def forgetful(patch: pytest.MonkeyPatch) -> None:
    """An engine that commits no intent before the effect."""
    record = Journal.record

    def recorded(self: Journal, events: Sequence[Event], position: Position | None = None) -> None:
        record(self, [each for each in events if each.kind != "started"], position)

    patch.setattr(Journal, "record", recorded)


def blind(patch: pytest.MonkeyPatch) -> None:
    """An engine that trusts no probe and does everything again."""
    patch.setattr(protocol, "look", lambda step, _record, ctx, **_: decide.World(key_of(step, ctx), None, ctx.boot))


def unlocked(patch: pytest.MonkeyPatch) -> None:
    """An engine without a lock."""
    patch.setattr("zflow.supervise.lock._locked", lambda _descriptor: True)


def sweeping(patch: pytest.MonkeyPatch) -> None:
    """A reset that makes every state's steps due."""
    patch.setattr(reset, "names_of", lambda product, _state: product.steps)


@pytest.mark.slow
@pytest.mark.parametrize("broken", [unsynced, forgetful, blind, unlocked, sweeping])
def test_a_broken_engine_is_found_out(broken: Callable[[pytest.MonkeyPatch], Any], monkeypatch: Any) -> None:
    """The laws bite: each of these defects breaks one of them soon."""
    broken(monkeypatch)
    with pytest.raises(Violation, match="--world"):
        run("bite", BITES)
