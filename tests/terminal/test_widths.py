"""Every command for looking fits its terminal, wide or narrow, in colour, without, and in ASCII."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.engine.commands import TOY, Capture, run
from tests.terminal.stages import STAGES
from zflow.codes import JOURNAL_DAMAGED
from zflow.commands import product as product_module
from zflow.entry import dispatch
from zflow.exits import Exit
from zflow.terminal.signs import STANDINS

PATH = "/usr/share/keyrings/" + "a-rather-long-name-" * 6
COMMANDS = {
    "status": Exit.STOPPED, "status --steps": Exit.STOPPED, "history": Exit.VALID, "explain": Exit.VALID,
    "explain ZF-1004": Exit.VALID, "analyze": Exit.VALID, "graph": Exit.VALID, "config": Exit.VALID,
}  # fmt: skip


@pytest.fixture(scope="module")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A blocked volume."""
    folder = tmp_path_factory.mktemp("blocked")
    STAGES["blocked"](folder)
    return folder


def shown(patch: pytest.MonkeyPatch, capsys: Capture, command: str, width: int) -> tuple[int, str]:
    """Return how a command ends and what it writes to a terminal of some width."""
    patch.setenv("TERM", "xterm")
    patch.setattr(sys.stdout, "isatty", lambda: True)
    patch.setattr(sys.stdout, "fileno", lambda: 1)
    patch.setattr(os, "get_terminal_size", lambda _descriptor: os.terminal_size((width, 40)))
    code = dispatch(command.split())
    return code, capsys.readouterr().out


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_is_wrapped_by_the_terminal(
    blocked: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, command: str, width: int
) -> None:
    """No line is longer than the terminal, every sign has its stand-in, and without colour no escape is left."""
    for name, value in {"ZFLOW_VOLUME": str(blocked), "ZFLOW_KEYRING": PATH, "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    code, text = shown(monkeypatch, capsys, command, width)
    assert code == COMMANDS[command]
    assert [line for line in text.splitlines() if len(line) > width] == []
    assert {sign for sign in text if not sign.isascii()} <= STANDINS.keys()
    assert "\x1b" not in text
    assert text.strip()


def test_a_pipe_gets_each_value_whole(blocked: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a terminal would cut, a pipe does not."""
    monkeypatch.setenv("ZFLOW_VOLUME", str(blocked))
    monkeypatch.setenv("ZFLOW_KEYRING", PATH)
    assert PATH in run(capsys, "config")[1]
    assert "imap.example.org\n" in run(capsys, "history")[1]


def test_verify_shows_its_marks_to_eyes_only(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a line begins with its mark, in a pipe with the step's name."""
    monkeypatch.setenv("ZFLOW_VOLUME", str(tmp_path))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(product_module, "product", lambda: TOY)
    assert run(capsys, "verify")[1].startswith("one.a ")
    assert "○\x1b[0m one.a" in shown(monkeypatch, capsys, "verify", 80)[1]


def test_doctor_lists_wrong_settings_beside_the_rest(
    blocked: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk's stop and all mistakes in the settings are found in one look, each name with the one most like it."""
    monkeypatch.setenv("ZFLOW_VOLUME", str(blocked))
    monkeypatch.setenv("ZFLOW_DHH", "1")
    monkeypatch.setenv("ZFLOW_QQQQ", "1")
    code, out, _ = run(capsys, "doctor")
    assert code == Exit.STOPPED
    for words in (
        "ZF-5014",
        "What to do: Request a certificate",
        "ZFLOW_DHH: there is no such setting; did you mean ZFLOW_DH?",
        "2 findings",
    ):
        assert words in out
    assert "ZFLOW_QQQQ: there is no such setting\n" in out


def test_doctor_tells_a_damaged_journal_once_and_what_to_do(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That neither the walk nor the steps can be told of without it is no finding of its own."""
    STAGES["unreadable"](tmp_path)
    monkeypatch.setenv("ZFLOW_VOLUME", str(tmp_path))
    monkeypatch.setattr(product_module, "product", lambda: TOY)
    code, out, _ = run(capsys, "doctor")
    assert (code, out.count("ZF-1004"), "1 finding;" in out) == (Exit.STOPPED, 1, True)
    assert JOURNAL_DAMAGED.remedy in out
