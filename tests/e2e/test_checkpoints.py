"""Killed at every checkpoint of the vendor's installers, a first start ends as an undisturbed one, to the attribute.

Real scripts of the stand-in, in a real Ubuntu, under zflow's own walker; the whole machine is killed at the moment at
which the installer is, and started again. `make checkpoints` goes through all, on each Ubuntu or on the one that SUITE
names; a test run takes a few by chance on one, and kills first starts of the others (test_suites.py).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from rehearsal.standin.runtime.stages import STAGES
from tests.chroot.ground import Ground
from tests.chroot.looking import differences
from tests.e2e import trees
from tests.e2e.conftest import SUITES

pytestmark = [pytest.mark.root, pytest.mark.container, pytest.mark.network]

FIRED = "opt/zimbra/.standin-fired"
SETUP_CONF, INSTALL_CONF = "opt/zimbra/conf/standin.conf", "opt/zflow-release/standin.conf"
POINTS = ("started", "downloaded", "removed", "repo", "unpacked", "torn", "configured", "forgotten", "recorded")
WANTED = os.environ.get("ZFLOW_TEST_CHECKPOINTS")
"""`all`, or a part of the names of cases, such as `kill_at-configInitMta`; not set: a few by chance."""
SEED = int(os.environ.get("ZFLOW_TEST_SEED", "20261124"))
SAMPLE = 1
WORKERS = 3
"""Cases at a time: a part of each is spent waiting for services."""
PATIENCE = 300.0


@dataclass(frozen=True)
class Case:
    """Where the installer is killed: a key of the stand-in's misbehaviour and its value."""

    key: str
    point: str

    @property
    def name(self) -> str:
        """The case in a word, also that of its machine."""
        return f"{self.key}-{self.point}"


SETUP = [Case(key, stage) for stage in STAGES for key in ("kill_at", "kill_after")]
"""zmsetup.pl, before a stage's effect, which is after the record of the stage before; and between effect and record."""
INSTALL = [Case("install_kill_at", point) for point in POINTS]
REBUILD = [Case("rebuild", point) for point in (*POINTS, "removing", "purged")]
"""install.sh again, while it puts back what a killed zmsetup.pl left: it has something to remove, between two packages
and between the packages and the tree."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take all Ubuntus where cases were wanted."""
    if WANTED:
        metafunc.parametrize("laid", SUITES, indirect=True)


def chosen() -> list[Case]:
    """Return the wanted cases, or a few of each kind."""
    if WANTED:
        return [case for case in (*SETUP, *INSTALL, *REBUILD) if WANTED in {"all", *case.name.split("-"), case.name}]
    dice = random.Random(SEED)
    return [*dice.sample(SETUP, SAMPLE), dice.choice(INSTALL), dice.choice(REBUILD)]


def kill_and_resume(laid: Ground, case: Case) -> dict[str, Any]:
    """Kill the machine where the case says, start it again, and return what is there when its walk has ended."""
    machine = laid.machine(case.name, software=case.key != "install_kill_at")
    if case.key == "rebuild":
        machine.write(SETUP_CONF, "kill_after=configSetupLdap\n")
        machine.walk()
        machine.wait_for(FIRED, PATIENCE)
        machine.kill()
        (machine.top / FIRED).unlink()
    if case.key in {"rebuild", "install_kill_at"}:
        machine.write(INSTALL_CONF, f"install_kill_at={case.point}\ntimes=1\n")
    else:
        machine.write(SETUP_CONF, f"{case.key}={case.point}\ntimes=1\n")
    machine.walk()
    machine.wait_for(FIRED, PATIENCE)
    machine.kill()
    assert machine.walked(timeout=PATIENCE) == 0, machine.output()[-6000:]
    found = machine.seen()
    found["leaks"] += [f"{name} in its output" for name, value in laid.secrets().items() if value in machine.output()]
    machine.remove()
    return found


def complaints(laid: Ground, whole: dict[str, Any], case: Case) -> list[str]:
    """Return what differs between the killed start and the undisturbed one."""
    try:
        found = kill_and_resume(laid, case)
    except AssertionError as error:
        return [f"{case.name}: {error}"]
    return [f"{case.name}: {line}" for line in compared(whole, found)]


def compared(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """Return how the second server differs from the first, and what is wrong with its secrets."""
    lines = trees.differences(first["files"], second["files"]) + differences(first["entries"], second["entries"])
    for kind in ("local", "maps"):
        lines += differences({kind: first[kind]}, {kind: second[kind]})
    lines += [f"not zflow's password: {name}" for name, same in second["passwords"].items() if not same]
    lines += [f"a secret shows: {leak}" for leak in second["leaks"]]
    return lines


@pytest.mark.timeout(3600)
def test_killed_at_a_checkpoint_the_first_start_ends_the_same(
    laid: Ground, whole: dict[str, Any], record_property: Callable[[str, object], None]
) -> None:
    """Files, directory, local settings, tables and passwords equal those of an undisturbed start; no secret leaks."""
    cases = chosen()
    record_property("cases", [case.name for case in cases])
    with ThreadPoolExecutor(WORKERS) as pool:
        found = list(pool.map(partial(complaints, laid, whole), cases))
    assert whole["leaks"] == []
    assert len(whole["passwords"]) == 10
    assert all(whole["passwords"].values())
    assert not any(found), "\n".join(line for lines in found for line in lines)
