"""`make mutants`: what it changes, how it tells a noticed change from another, and that the checkout stays as it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.mutants import Copy, Mutant, Row, mutants

CODE = '''\
LIMIT = 3


def least(one: int | None, other: int = LIMIT) -> int | None:
    """Return the least."""
    if one is None or other < one:
        return other
    return one
'''
ROW = Row(("thing.py", "gone.py"), ("tests/test_thing.py", "tests/test_gone.py"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with one file and its test."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "thing.py").write_text(CODE)
    (tmp_path / "tests/test_thing.py").write_text(
        "from thing import least\n\n\ndef test_least():\n    assert (least(1, 2), least(2, 1)) == (1, 1)\n"
    )
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_changes_are_made_where_code_runs(tree: Path) -> None:
    """Within functions, in no annotation or constant; the same seed draws the same ones, up to the sample's size."""
    every = mutants(tree, ROW, 99, "seed")
    assert {each.line for each in every} == {6}
    assert {each.text.splitlines()[5].strip() for each in every} == {
        "if one is not None or other < one:", "if one is None and other < one:", "if one is None or other <= one:",
    }  # fmt: skip
    assert mutants(tree, ROW, 2, "seed") == every[:2]


@pytest.mark.slow
def test_a_change_is_noticed_or_not(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """By what the tests end with, or by their time; neither the checkout nor the copy keeps the change."""
    copy = Copy(tree, tmp_path_factory.mktemp("copy"))
    assert copy.test(ROW) == 0

    def ended(old: str, new: str) -> int | None:
        assert old in CODE
        return copy.try_out(Mutant("thing.py", 1, CODE.replace(old, new)), ROW, 10)

    assert ended("other < one", "other > one") == 1
    assert ended("other < one", "other <= one") == 0
    assert ended("    return one", "    while True: pass") is None
    assert copy.test(ROW) == 0
    assert (tree / "thing.py").read_text() == CODE
