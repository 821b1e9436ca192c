"""What the supervisor takes for a change: other answers than the first, and first ones that cannot be right."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.engine.where import wait_for
from zflow.watching import Watcher


def watcher(folder: Path, *, good: bool, **row: object) -> Watcher:
    """Return a watcher of one thing, as after a walk that ended well or not."""
    (folder / "watches.json").write_text(json.dumps([{"name": "it", "paths": [], "argv": [], "every": 0.0, **row}]))
    found = Watcher(folder / "watches.json")
    found.forget()
    found.expect_good(good=good)
    return found


def first_answer(found: Watcher) -> str | None:
    """Return what the first answer is taken for."""
    answers: list[str | None] = []

    def looked() -> bool:
        answers.append(found.look())
        found.reap()
        return all(each.answer is not None for each in found._watched or ())

    wait_for(looked, "the first answer")
    return found._changed


def test_a_file_changed_during_the_walk_is_a_change(tmp_path: Path) -> None:
    """What an operator edits while a long walk is under way is not taken for the state of before."""
    path = tmp_path / "settings.toml"
    path.write_text("old")
    found = watcher(tmp_path, good=True, paths=[str(path)])
    path.write_text("new")
    assert found.look() == "it"


def test_a_file_of_before_the_walk_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was there when the walk began is what later answers are compared with."""
    path = tmp_path / "settings.toml"
    path.write_text("old")
    monkeypatch.setattr("zflow.watching.COARSE", -3600.0)
    found = watcher(tmp_path, good=True, paths=[str(path)])
    assert found.look() is None
    path.write_text("newer")
    assert found.look() == "it"


@pytest.mark.parametrize(
    ("argv", "wanted", "good", "changed"),
    [
        (["/bin/echo", "all"], "", True, None),
        (["/bin/echo", "all"], hashlib.sha256(b"all\n").hexdigest(), True, None),
        (["/bin/echo", "some"], hashlib.sha256(b"all\n").hexdigest(), True, "it"),
        (["/bin/false"], "", True, "it"),
        (["/bin/false"], "", False, None),
        (["/bin/echo", "some"], hashlib.sha256(b"all\n").hexdigest(), False, None),
        (["/no/such/program"], "", True, "it"),
    ],
)
def test_a_commands_first_answer_must_be_good_after_a_good_walk(
    tmp_path: Path, argv: list[str], wanted: str, good: bool, changed: str | None
) -> None:
    """After serving, a failing look or an output that is known to be wrong is a change; after a stop it is known."""
    assert first_answer(watcher(tmp_path, good=good, argv=argv, wanted=wanted)) == changed
