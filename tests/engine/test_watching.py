"""What the supervisor takes for a change: other answers than the first, and first ones that cannot be right."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.engine.where import gone, wait_for
from zflow.supervise import inputs
from zflow.supervise.inputs import Watcher, signature


def watcher(folder: Path, **row: object) -> Watcher:
    """Return a watcher of one thing, as after a walk."""
    (folder / "watches.json").write_text(json.dumps([{"name": "it", "paths": [], "argv": [], "every": 0.0, **row}]))
    found = Watcher(folder / "watches.json")
    found.forget()
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
    before = signature([str(path)])
    path.write_text("newer")
    assert watcher(tmp_path, paths=[str(path)], answer=before).look() == "it"


def test_a_file_of_before_the_walk_is_none(tmp_path: Path) -> None:
    """A file that is as it was when the walk began is no change, whatever the clock says; a later edit is."""
    path = tmp_path / "settings.toml"
    path.write_text("old")
    os.utime(path, (2e9, 2e9))
    found = watcher(tmp_path, paths=[str(path)], answer=signature([str(path)]))
    assert found.look() is None
    path.write_text("newer")
    assert found.look() == "it"


def test_a_file_that_is_written_is_looked_at_at_once(tmp_path: Path) -> None:
    """However long the time between two looks: the kernel says that something was written in its folder."""
    path = tmp_path / "settings.toml"
    path.write_text("old")
    found = watcher(tmp_path, paths=[str(path)], every=3600.0, answer=signature([str(path)]))
    assert found.look() is None
    path.write_text("newer")
    assert found.look() == "it"


def test_a_bad_answer_that_a_walk_could_not_better_is_a_change_once(tmp_path: Path) -> None:
    """The same bad first answer after another walk starts no further one: no endless walks for what cannot be had."""
    found = watcher(tmp_path, argv=["/bin/false"])
    assert first_answer(found) == "it"
    found.forget()
    assert first_answer(found) is None


@pytest.mark.parametrize(
    ("argv", "wanted", "changed"),
    [
        (["/bin/echo", "all"], "", None),
        (["/bin/echo", "all"], "all\n", None),
        (["/bin/echo", "some"], "all\n", "it"),
        (["/bin/false"], "", "it"),
        (["/no/such/program"], "", "it"),
    ],
)
def test_a_commands_first_answer_must_be_good(
    tmp_path: Path, argv: list[str], wanted: str, changed: str | None
) -> None:
    """A failing look, or an output that is known to be wrong, is a change although it is the first."""
    assert first_answer(watcher(tmp_path, argv=argv, wanted=wanted)) == changed


def test_a_command_that_hangs_is_killed_and_counts_as_a_bad_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past its time limit it ends with its children, and a walk finds out what is wrong."""
    monkeypatch.setattr(inputs, "LIMIT", 0.2)
    found = watcher(tmp_path, argv=["/bin/sh", "-c", f"echo $$ > {tmp_path}/pid; sleep 8; :"], every=3600.0)
    assert first_answer(found) == "it"
    pid = int((tmp_path / "pid").read_text())
    assert gone(pid)
    assert [each.answer for each in found._watched or ()] == ["-9 "]


@pytest.mark.parametrize(("first", "changed"), [("exit 1", None), ("true", "it")])
def test_while_a_next_try_is_awaited_only_what_was_good_is_a_reason(
    tmp_path: Path, first: str, changed: str | None
) -> None:
    """What the failed walk left broken waits for the time that the status tells; what breaks meanwhile does not."""
    script = tmp_path / "ask"
    script.write_text(first)
    found = watcher(tmp_path, argv=["/bin/sh", str(script)])
    answers = 0

    def looked(number: int) -> bool:
        nonlocal answers
        found.look(awaiting=True)
        before = [each.pid for each in found._watched or ()]
        found.reap()
        answers += before != [None] and [each.pid for each in found._watched or ()] == [None]
        return answers >= number

    wait_for(lambda: looked(1), "the first answer")
    assert found.look(awaiting=True) is None
    script.write_text("echo other; exit 1")
    wait_for(lambda: looked(4), "later answers")
    assert found.look(awaiting=True) == changed
    found.close()
