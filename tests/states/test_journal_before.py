"""The journal of a server that was built before seven steps got other names: today's product goes on with it.

`tests/data/journals/before-renames.sql` is the dump of a real one, from a container of the stand-in release.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from states.product import PRODUCT
from tests.engine.toy import Bench
from tests.engine.where import ROOT
from zflow.commands.looking import describe
from zflow.context import Context
from zflow.journal.layout import home, journal_file
from zflow.journal.reader import reading
from zflow.journal.seal import wrong
from zflow.status.document import gather
from zflow.step import Evidence, Product, Step

BEFORE = ROOT / "tests/data/journals/before-renames.sql"
RENAMED = {
    "bootstrap.network": "firewall.network",
    "bootstrap.closed": "firewall.closed",
    "install.certificate": "tls.mend",
    "hardening.dh": "tls.dh",
    "hardening.dh_deployed": "tls.dh_deployed",
    "install.newer_software": "upgrade.software",
    "install.newer_setup": "upgrade.setup",
}
BOOT = "e523557b-4195813"
"""The boot in which the journal was written."""


@pytest.fixture
def older(tmp_path: Path) -> Bench:
    """A volume with that journal."""
    home(tmp_path).mkdir(mode=0o700)
    with closing(sqlite3.connect(journal_file(tmp_path))) as raw:
        raw.executescript(BEFORE.read_text())
    return Bench(tmp_path)


def holding(step: Step) -> Step:
    """Return a step whose postcondition holds, and that must not be applied."""

    def apply(_ctx: Context) -> None:
        raise AssertionError(f"{step.name} is applied")

    def holds(_ctx: Context) -> Evidence:
        return Evidence("as it should be")

    return replace(step, probe=holds, audit=None, inputs=None, apply=apply, cleanup=apply, retry="never")


HOLDING = Product("zimbra", tuple(replace(each, steps=tuple(map(holding, each.steps))) for each in PRODUCT.states))
"""Today's states and steps, on a server where everything is as it should be."""


def test_the_renames_are_those_of_the_product(older: Bench) -> None:
    """Each step of the older journal is a step of today's product, under the same name or its new one."""
    names = {row["step"] for row in older.events() if row["step"] is not None}
    assert set(RENAMED) < names
    assert {RENAMED.get(name, name) for name in names} == {step.name for step in PRODUCT.steps}


def test_walks_of_earlier_upgrades_stay_turning_points() -> None:
    """The pruning keeps the walks in which a step of an upgrade was done, also under its earlier name."""
    renamed = {old for old, new in RENAMED.items() if new.startswith("upgrade.")}
    assert renamed
    assert renamed <= set(PRODUCT.turns)


@pytest.mark.parametrize("boot", [BOOT, "another boot"], ids=["same boot", "restart"])
def test_nothing_is_done_twice(older: Bench, boot: str) -> None:
    """The walk looks at each step, records that it holds, and applies none; the next walk has nothing to record."""
    older.boot = boot
    before = older.events()
    assert older.walk(HOLDING) == "serving"
    new = older.events()[len(before) :]
    assert {row["kind"] for row in new if row["step"]} == {"satisfied"}
    assert set(RENAMED.values()) <= {row["step"] for row in new}
    assert new[-1]["detail"] == f"{len(PRODUCT.steps)} steps checked, 0 applied, {len(PRODUCT.steps)} unchanged"
    assert older.walk(HOLDING) == "serving"
    assert [row["kind"] for row in older.events()[len(before) + len(new) :]] == ["begun", "checked"]


def test_status_and_history_read_it(older: Bench) -> None:
    """All steps are valid under today's names, the past is there under the old ones, and the chain is whole."""
    older.boot = BOOT
    lines = [describe(row) for row in older.events()]
    assert "install.newer_setup" in "\n".join(lines)
    assert older.walk(HOLDING) == "serving"
    document = gather(older.volume)
    assert document["state"] == "serving"
    assert [step["name"] for step in document["steps"]] == [step.name for step in PRODUCT.steps]
    assert {step["status"] for step in document["steps"]} == {"valid"}
    assert [describe(row) for row in older.events()][: len(lines)] == lines
    with reading(older.volume) as journal:
        assert wrong(journal) is None
