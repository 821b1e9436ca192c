"""The real walker in a real container is killed at the points of each step; the next one goes on, to the same end.

By itself a seeded share of the points is tried. `make crash` tries all: each commit from both sides, the moments
before and after its sync, and the beginning and end of each command in its apply (`tests/crash/inside`).
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

import tests.crash
from rehearsal.machine import Machine
from tests.e2e.conftest import MakeMachine
from tests.e2e.test_kills import ONCE, broken, completed, events_of
from zflow.journal.event import VALID

pytestmark = [pytest.mark.container, pytest.mark.network]

HOOK = Path(tests.crash.__file__).parent / "inside"
SHARE = float(os.environ.get("ZFLOW_TEST_SHARE", "0.02"))
SEED = os.environ.get("ZFLOW_TEST_SEED", "1")
SECONDS = float(os.environ.get("ZFLOW_TEST_SECONDS", "1800"))
"""After so many seconds no further points are tried, and the walk is let come to its end."""
PATIENCE = 900.0
TRIED = os.environ.get("ZFLOW_TEST_TRIED")
"""A file that remembers the points over several runs, each of which tries those that are left."""


def test_killed_at_each_point_the_walk_goes_on_to_the_same_end(make_machine: MakeMachine, tmp_path: Path) -> None:
    """Each walker dies at a point that none died at before; in the end all is valid, and built once what is once."""
    memory = tmp_path / "crash"
    memory.mkdir()
    (memory / "share").write_text(f"{SHARE} {SEED}")
    before = Path(TRIED).read_text() if TRIED and Path(TRIED).exists() else ""
    (memory / "tried").write_text(before)
    victim = haunted(make_machine, memory)
    try:
        victim.start()
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and not at_rest(victim):
            time.sleep(1)
        (memory / "enough").touch()
        victim.must_serve(PATIENCE)
    finally:
        if TRIED:
            shutil.copyfile(memory / "tried", TRIED)
    tried = (memory / "tried").read_text().removeprefix(before).splitlines()
    assert tried or before, "no point was reached"
    assert victim.logs().count("the walker ended with -9") == len(tried)
    assert broken(victim.volume_path()) is None
    assert completed(victim) == dict.fromkeys(ONCE, 1)
    assert unproven(victim) == []


def haunted(make_machine: MakeMachine, memory: Path) -> Machine:
    """Return a container whose walkers load the hook."""
    machine = make_machine({"PYTHONPATH": "/crash-hook"})
    machine.remove()
    machine.mounts = (*machine.mounts, f"{memory}:/crash", f"{HOOK}:/crash-hook:ro")
    machine.create()
    return machine


def at_rest(machine: Machine) -> bool:
    """Tell whether the walk has come to its end, well or not; a container that is about to start has none yet."""
    found = machine.status()
    return found["state"] in {"serving", "blocked", "failed"} and not found["walking"]


def unproven(machine: Machine) -> list[str]:
    """Return the steps whose last attempt is without a good outcome."""
    last = {row["step"]: row["kind"] for row in events_of(machine.volume_path()) if row["step"]}
    return [step for step, kind in last.items() if kind not in VALID]
