"""The container is killed at random moments of its first start, again and again, and the result is the same."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rehearsal.machine import Machine
from rehearsal.setup import machine
from rehearsal.standin.build import StandIn
from states.product import PRODUCT
from tests.e2e.trees import Snapshot, differences, snapshot
from zflow.errors import OperatorError
from zflow.journal.reader import events, reading
from zflow.journal.seal import broken_link

pytestmark = [pytest.mark.container, pytest.mark.network]

ONCE = [step.name for step in PRODUCT.steps if step.once]
KILLS = int(os.environ.get("ZFLOW_TEST_KILLS", "20"))
SEED = int(os.environ.get("ZFLOW_TEST_SEED", "20261124"))
STEPS = 3
"""So many steps at most does a life begin before its kill: enough to get on, few enough to be killed everywhere."""
LINGER = {"bootstrap.build": 25.0, "install.software": 12.0, "install.setup": 8.0}
"""Seconds at most between the beginning of a long step and the kill."""
SHORT = 1.0
PATIENCE = 120.0
AHEAD = frozenset({"install.archive", "tls.dh"})
"""Begun in every life at once, in the background."""


def test_killed_at_random_moments_the_first_start_ends_the_same(
    finished: Machine, undisturbed: Snapshot, release: StandIn, record_property: Callable[[str, object], None]
) -> None:
    """After 20 kills of the whole container: valid, each once-step completed exactly once, the same tree."""
    dice = random.Random(SEED)
    record_property("seed", SEED)
    victim = machine("zflow-test-victim", release)
    victim.create()
    share_secrets(finished.volume_path(), victim.volume_path())
    try:
        killed_in = Counter(live_and_die(victim, dice) for _ in range(KILLS))
        record_property("killed in", dict(killed_in))
        victim.start()
        victim.must_serve(1500)
        assert broken(victim.volume_path()) is None
        assert completed(victim) == dict.fromkeys(ONCE, 1)
        killed = snapshot(victim.volume_path())
        found = differences(undisturbed.files, killed.files)
        assert not found, "\n".join(found)
        assert killed.entries == undisturbed.entries
    finally:
        victim.remove()


def live_and_die(victim: Machine, dice: random.Random) -> str:
    """Start the container, let it begin some steps, kill it a random moment later; return the step it was in."""
    volume = victim.volume_path()
    wanted, deadline, before = dice.randint(1, STEPS), time.monotonic() + PATIENCE, len(events_of(volume))
    begun: list[str] = []
    victim.start()
    while len(begun) < wanted and time.monotonic() < deadline:
        assert victim.running(), victim.logs()[-4000:]
        begun = [row["step"] for row in events_of(volume)[before:] if row["kind"] == "started"]
        begun = [step for step in begun if step not in AHEAD]
        time.sleep(0.02)
    time.sleep(dice.uniform(0, LINGER.get(begun[-1], SHORT) if begun else SHORT))
    victim.kill()
    return begun[-1] if begun else "serving"


def events_of(volume: Path) -> list[dict[str, Any]]:
    """Return the events in a volume's journal, read from outside; none before there is one."""
    try:
        with reading(volume) as journal:
            return events(journal)
    except OperatorError:
        return []


def share_secrets(source: Path, target: Path) -> None:
    """Give both volumes the same secrets, so that what is made from them can be compared."""
    home = target / ".zflow"
    home.mkdir(mode=0o700)
    shutil.copytree(source / ".zflow/secrets", home / "secrets")


def broken(volume: Path) -> int | None:
    """Return where the journal's chain is broken, if anywhere."""
    with reading(volume) as journal:
        return broken_link(journal)


def completed(machine: Machine) -> dict[str, int]:
    """Return how often the application of each once-step was completed."""
    rows = [json.loads(line) for line in machine.run("zflow", "history", "--json").stdout.splitlines()]
    return dict(Counter(row["step"] for row in rows if row["key"] == "once" and row["kind"] in {"done", "recovered"}))
