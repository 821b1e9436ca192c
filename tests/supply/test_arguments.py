"""What a build is told about the checkout, so that the image's labels can say it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from supply.arguments import ROOT, arguments, revision
from zflow import __version__


def git(checkout: Path, *words: str) -> str:
    """Run git over a checkout, with nobody's settings."""
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(checkout), *who, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def repository(folder: Path) -> str:
    """Make a repository of one file and return its commit."""
    git(folder, "init", "--quiet")
    (folder / "file").write_text("one")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return git(folder, "rev-parse", "HEAD")


def test_the_revision_is_the_commit_and_says_when_files_differ_from_it(tmp_path: Path) -> None:
    """All forty digits, also beside a tag; `-dirty` once a file is changed."""
    commit = repository(tmp_path)
    git(tmp_path, "tag", "v1")
    assert revision(tmp_path) == commit
    (tmp_path / "file").write_text("two")
    assert revision(tmp_path) == f"{commit}-dirty"


def test_without_a_repository_no_revision_is_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive unpacked inside another repository has none of it, and a machine without git does not know."""
    assert repository(tmp_path)
    unpacked = tmp_path / "zflow"
    unpacked.mkdir()
    assert revision(unpacked) == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert revision(ROOT) == ""


def test_the_words_for_the_command_line_need_no_environment() -> None:
    """`$(python3 -m supply.arguments)` gives words without blanks, from Python's own library."""
    argv = [sys.executable, "-I", "-c", "import sys; sys.path.insert(0, '.'); import runpy; "
            "runpy.run_module('supply.arguments', run_name='__main__')"]  # fmt: skip
    printed = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert printed == arguments()
    assert f"VERSION={__version__}" in printed
