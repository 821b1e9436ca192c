"""The marks of an installation, and what makes a tree an Ubuntu."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from states.bootstrap.settings import SETTINGS
from states.ubuntu import tree
from tests.states.bootstrap.ubuntu import make_tree, mark
from tests.support import make_context


def test_mark_survives_its_file(tmp_path: Path) -> None:
    """A mark that was written is read as it was."""
    (tmp_path / "mark").write_text(mark("bin", "etc").render())
    assert tree.read_mark(tmp_path / "mark") == mark("bin", "etc")


@pytest.mark.parametrize(
    "content",
    ["", "{", "null", "[]", '"etc"', "{}", '{"entries": 3}', '{"entries": [], "more": 1}', "\udcff\udcfe"],
)
def test_no_mark(tmp_path: Path, content: str) -> None:
    """An incomplete mark is not a mark."""
    (tmp_path / "mark").write_bytes(content.encode(errors="surrogateescape"))
    assert tree.read_mark(tmp_path / "mark") is None


def test_torn_mark(tmp_path: Path) -> None:
    """A mark cut anywhere before its end is none."""
    whole = mark("bin").render()
    for length in range(len(whole.rstrip())):
        (tmp_path / "mark").write_text(whole[:length])
        assert tree.read_mark(tmp_path / "mark") is None


def test_absent_mark(tmp_path: Path) -> None:
    """A missing file, and a folder instead of it, are not a mark."""
    assert tree.read_mark(tmp_path / "absent") is None
    assert tree.read_mark(tmp_path) is None


def test_sound_tree(tmp_path: Path) -> None:
    """A complete tree has no defects."""
    assert tree.defects(make_tree(tmp_path)) == []


@pytest.mark.parametrize("name", ["usr/lib/os-release", "var/lib/dpkg/status", "bin/bash"])
@pytest.mark.parametrize("content", [None, b""])
def test_defects(tmp_path: Path, name: str, content: bytes | None) -> None:
    """Each file that is absent or empty, as after a power cut, is a defect named by its path."""
    path = make_tree(tmp_path) / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    (defect,) = tree.defects(tmp_path)
    assert name.removeprefix("usr/lib/") in defect


def test_shell_that_cannot_be_run(tmp_path: Path) -> None:
    """A shell without its mode is a defect."""
    (make_tree(tmp_path) / "bin/bash").chmod(0o644)
    assert tree.defects(tmp_path) == ["bin/bash is not a program"]


def test_installed_needs_mark_and_tree(tmp_path: Path) -> None:
    """An installation is one that was finished and is still sound; a staged mark alone makes none."""
    ctx = make_context(tmp_path, SETTINGS)
    make_tree(tmp_path)
    tree.staged_mark(ctx).write_text(mark().render())
    assert (tree.installed(ctx), tree.staged(ctx)) == (None, mark())
    (tmp_path / tree.RELEASE).write_text(replace(mark(), packages=7).render())
    assert tree.installed(ctx) == replace(mark(), packages=7)
    (tmp_path / "bin/bash").unlink()
    assert tree.installed(ctx) is None


def test_os_release(tmp_path: Path) -> None:
    """Quotes are taken off, comments and empty lines left out; without a file there are no fields."""
    assert tree.os_release(tmp_path) == {}
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/os-release").write_text("# comment\n\nID=ubuntu\nNAME=\"U\"\nVERSION_ID='18.04'\n")
    assert tree.os_release(tmp_path) == {"ID": "ubuntu", "NAME": "U", "VERSION_ID": "18.04"}
