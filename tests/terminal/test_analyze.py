"""Where the time of the first start went: retries, kills, and work in the background."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.engine.commands import Capture, run
from tests.terminal.stages import STAGES, START, told
from zflow import codes
from zflow.journal.reader import reading, stream
from zflow.journal.timeline import COLUMNS, FirstStart, critical_path, first_start


@pytest.fixture
def volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A volume that the commands speak of."""
    monkeypatch.setenv("ZFLOW_VOLUME", str(tmp_path))
    return tmp_path


def start_of(volume: Path) -> FirstStart:
    """Return the first start that a journal tells of."""
    with reading(volume) as journal:
        found = first_start(stream(journal, COLUMNS), lambda: 0)
    assert found is not None
    return found


def test_each_attempt_and_each_pause_is_counted(volume: Path) -> None:
    """A failed try, its pause, a try that a kill cut off, and the one that succeeded."""
    with told(volume) as tale:
        tale.begun()
        tale.started("bootstrap.build")
        tale.later(5)
        tale.fault("failed", "bootstrap.build", codes.COMMAND, "dead mirror", wait=10)
        tale.later(10)
        tale.started("bootstrap.build", 2)
        tale.later(7)
        tale.started("install.archive")
        tale.later(100)
        tale.begun("start of the container")
        tale.started("bootstrap.build", 3)
        tale.done("bootstrap.build", 20, attempt=3)
        tale.serving()
    found = start_of(volume)
    assert [(each.step, each.number, each.took, each.outcome) for each in found.attempts] == [
        ("bootstrap.build", 1, 3, "failed"),
        ("bootstrap.build", 2, 7, "cut off"),
        ("install.archive", 1, 0, "cut off"),
        ("bootstrap.build", 3, 20, "done"),
    ]
    (first, _) = found.totals
    assert (first.step, first.took, first.attempts, first.failed, first.waited) == ("bootstrap.build", 30, 3, 2, 112)


def _path(volume: Path, search: float) -> list[str]:
    """Return the critical path of a first start whose search in the background takes so long."""
    with told(volume) as tale:
        tale.begun()
        tale.started("tls.dh")
        for step, took in (("bootstrap.build", 50), ("install.setup", 100)):
            tale.started(step)
            tale.done(step, took)
        if search > 150:
            tale.later(search - 150)
        tale.done("tls.dh", search)
        tale.started("tls.dh_deployed")
        tale.done("tls.dh_deployed", 20)
        tale.serving()
    found = start_of(volume)
    return [each.step for each in critical_path(found.attempts, found.ended)]


def test_work_in_the_background_is_critical_only_where_it_was_awaited(tmp_path: Path) -> None:
    """A search that outlasts the rest is the path; one that is over sooner is not on it."""
    for name in ("long", "short"):
        (tmp_path / name).mkdir()
    assert _path(tmp_path / "long", 400) == ["tls.dh", "tls.dh_deployed"]
    assert _path(tmp_path / "short", 60) == ["bootstrap.build", "install.setup", "tls.dh_deployed"]


def test_only_the_first_start_is_analyzed(volume: Path, capsys: Capture) -> None:
    """What a later walk took is not part of it, and the parts of the path make up the whole."""
    STAGES["renewing"](volume)
    found = json.loads(run(capsys, "analyze", "--json")[1])
    assert (found["began"], found["ended"] < START + 3600) == (START, True)
    path = found["critical_path"]
    assert sum(each["took"] for each in path) == pytest.approx(found["ended"] - found["began"], abs=1)
    text = run(capsys, "analyze")[1]
    assert re.search(r"The first start began 08:00:00 UTC and took \d+ min( \d+ s)?\.", text)
    assert max(map(len, text.splitlines())) <= 80


def test_a_first_start_under_way_has_no_critical_path_yet(volume: Path, capsys: Capture) -> None:
    """What has been done so far is told, with what is under way."""
    STAGES["configuring"](volume)
    text = run(capsys, "analyze")[1]
    assert "so far" in text.splitlines()[0]
    assert "known once the first start has ended" in text
    assert "install.setup           2 attempts" in text
