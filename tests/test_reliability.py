"""The page of what was tried: each command renews its own matrix."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.matrix import COMMAND, parsed, render
from tests.reliability import PAGE, keep, kept


@pytest.mark.parametrize(("command", "other"), [("make crash", "make faults"), ("make faults", "make crash")])
def test_a_command_renews_its_own_matrix_and_nothing_else(tmp_path: Path, command: str, other: str) -> None:
    """The words around it, and the other command's matrix, stay as they are."""
    page = Path(shutil.copy(PAGE, tmp_path))
    keep(command, "| what |\n|---|\n", page)
    assert kept(command, page) == "| what |\n|---|\n"
    assert kept(other, page) == kept(other)
    keep(command, kept(command), page)
    assert page.read_text() == PAGE.read_text()


def test_a_page_without_a_place_is_named(tmp_path: Path) -> None:
    """A matrix is never lost in silence."""
    page = tmp_path / "page.md"
    page.write_text("words\n")
    with pytest.raises(AssertionError, match="no place for `make crash`"):
        keep("make crash", "", page)


def test_the_matrix_of_faults_reads_back_as_it_was_written() -> None:
    """Stories that are not told again keep their rows."""
    assert render(parsed(kept(COMMAND))) == kept(COMMAND)
