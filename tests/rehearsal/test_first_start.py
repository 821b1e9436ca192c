"""What the person who typed `make first-start` is told when it does not come to a container."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal import first_start
from rehearsal.commands import Failed, ended, told


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What an earlier call left."""
    left = tmp_path / "left"
    left.mkdir()
    monkeypatch.setattr(first_start, "FOLDER", left)
    monkeypatch.setattr(sys, "argv", ["first_start", "--clean"])
    return left


def test_what_belongs_to_root_is_not_left_in_silence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make clean-first-start` by somebody else says that it cannot, and does not claim to have removed anything."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert told("first-start", first_start.main) == 2
    assert capsys.readouterr().err == "first-start: what an earlier call left belongs to root: run it as root\n"
    assert folder.exists()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    """No traceback of a file that was not found: the program's name."""
    with pytest.raises(Failed, match="`no-such-program` cannot be run: No such file or directory"):
        ended(["no-such-program"])


def test_a_program_that_does_not_end() -> None:
    """A time limit is named with the command that broke it."""
    with pytest.raises(Failed, match="`sleep 60` did not end within 0 s"):
        ended(["sleep", "60"], timeout=0.05)


@pytest.mark.parametrize(
    ("problem", "code", "words"),
    [
        (Failed("podman pull … ended with 125: no route"), 2, "podman pull … ended with 125: no route"),
        (FileExistsError(17, "File exists", "/tmp/x"), 2, "/tmp/x: File exists"),
        (subprocess.CalledProcessError(2, ["tar", "-c"]), 2, "`tar` ended with 2; its own words are above"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_one_sentence(problem: BaseException, code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever this machine did not let happen is one line with the target's name, and an exit code."""

    def work() -> int:
        raise problem

    assert told("first-start", work) == code
    assert capsys.readouterr().err == f"first-start: {words}\n"
