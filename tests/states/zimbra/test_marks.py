"""Marks on the volume: text, and small dataclasses as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from states.zimbra import marks
from tests.support import make_context


@dataclass(frozen=True)
class Inner:
    """A part of a mark."""

    name: str


@dataclass(frozen=True)
class Whole:
    """A mark with every kind of field."""

    inner: Inner
    names: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]] | None
    seconds: float = 0.0


WHOLE = Whole(Inner("a"), ("b", "c"), {"d": ("e",)}, 1.5)


def test_what_was_saved_is_loaded_as_the_same(tmp_path: Path) -> None:
    """Tuples, mappings and dataclasses within come back as such, for root alone."""
    marks.save(tmp_path / "mark", WHOLE)
    assert marks.load(tmp_path / "mark", Whole) == WHOLE
    assert (tmp_path / "mark").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "{",
        "[]",
        "null",
        '{"inner": {"name": "a"}}',
        '{"inner": "a", "names": [], "values": null}',
        '{"inner": {"name": 1}, "names": [], "values": null}',
        '{"inner": {"name": "a"}, "names": "bc", "values": null}',
        '{"inner": {"name": "a"}, "names": [], "values": null, "unknown": 1}',
        "\0\0\0",
    ],
)
def test_a_damaged_mark_is_none(tmp_path: Path, damaged: str) -> None:
    """Half a file, another type, a field too few or too many: the step does its work again."""
    (tmp_path / "mark").write_text(damaged)
    assert marks.load(tmp_path / "mark", Whole) is None


def test_a_mark_that_is_missing_or_not_a_file_is_none(tmp_path: Path) -> None:
    """Nothing there, or a link that somebody put there."""
    assert marks.load(tmp_path / "mark", Whole) is None
    marks.save(tmp_path / "elsewhere", WHOLE)
    (tmp_path / "mark").symlink_to(tmp_path / "elsewhere")
    assert marks.load(tmp_path / "mark", Whole) is None


def test_fields_with_a_default_may_be_absent(tmp_path: Path) -> None:
    """A mark of an earlier zflow has fewer fields."""
    (tmp_path / "mark").write_text('{"inner": {"name": "a"}, "names": ["b"], "values": null}')
    assert marks.load(tmp_path / "mark", Whole) == Whole(Inner("a"), ("b",), None)


def test_a_text_is_read_until_all_marks_are_forgotten(tmp_path: Path) -> None:
    """Of a server about to be built nothing has been read yet."""
    ctx = make_context(tmp_path)
    assert marks.read(ctx, "name") == ""
    marks.write(ctx, "name", "text")
    assert marks.agrees(ctx, "name", "text")
    assert not marks.agrees(ctx, "name", "tex")
    assert marks.read(ctx, "name") == "text"
    marks.forget(ctx)
    assert marks.read(ctx, "name") == ""
