"""Running an installer that asks, floods, falls silent, or lies with its exit code: real programs, outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from states.zimbra import codes, installers
from tests.states.install.shells import Outside, no_firewall
from tests.support import make_context
from zflow.api import CommandError, Context, OperatorError, TransientError


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Return a context whose commands run outside."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    return make_context(tmp_path, shell=Outside(tmp_path))


def installer(ctx: Context, script: str) -> str:
    """Run a script as the installer."""
    return installers.run(ctx, "sh", "-c", script, on_line=lambda _line: None, shut=no_firewall)


def test_exit_code_is_not_believed(ctx: Context) -> None:
    """What was printed is returned whatever the exit code."""
    assert installer(ctx, "echo all; echo went >&2; exit 1") == "all\nwent\n"


@pytest.mark.parametrize("script", ["kill -KILL $$", "sh -c 'kill -KILL $$'"], ids=["itself", "its child"])
def test_killed(ctx: Context, script: str) -> None:
    """An installer that a signal ended is no liar: it is told so, and tried again."""
    with pytest.raises(TransientError) as caught:
        installer(ctx, f"echo Installing...; {script}")
    assert (caught.value.code, caught.value.detail) == (codes.KILLED, "by signal 9; its last line: ‹Installing...›")


def test_question(ctx: Context) -> None:
    """A question ends the installer as soon as it shows, and is told word for word."""
    with pytest.raises(OperatorError) as caught:
        installer(ctx, "printf 'Install zimbra-novelty [Y] '; read x; echo; exit 0")
    assert caught.value.code is codes.QUESTION
    assert caught.value.detail == "‹Install zimbra-novelty [Y]›"


def test_question_at_the_end_of_input(ctx: Context) -> None:
    """An installer without input that asks for ever is ended by its question, not by its flood."""
    with pytest.raises(OperatorError) as caught:
        installer(ctx, "for n in $(seq 9999); do printf 'Exit? [N] '; read x; printf '\\nContinue? [N] '; done")
    assert caught.value.code is codes.QUESTION


def test_flood(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endless output is ended and told by what it repeats."""
    monkeypatch.setattr(installers, "OUTPUT", 1 << 16)
    with pytest.raises(OperatorError) as caught:
        installer(ctx, "exec yes 'Enter the name'")
    assert caught.value.code is codes.ENDLESS
    assert "Enter the name" in caught.value.detail


def test_flood_of_questions(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a question of unknown form is repeated for ever, that is the finding, wherever the output was cut."""
    monkeypatch.setattr(installers, "OUTPUT", 1 << 12)
    with pytest.raises(OperatorError) as caught:
        installer(ctx, "while :; do printf '\\nThe name: '; done")
    assert caught.value.code is codes.ENDLESS


@pytest.mark.parametrize("last_word", ["Enter the name: ", "Installing..."])
def test_silence(ctx: Context, monkeypatch: pytest.MonkeyPatch, last_word: str) -> None:
    """What falls silent is ended: told as a question where its last word reads like one, else as silence."""
    monkeypatch.setattr(installers, "SILENCE", 0.1)
    with pytest.raises((OperatorError, CommandError)) as caught:
        installer(ctx, f"printf '{last_word}'; exec sleep 60")
    assert (caught.value.code is codes.QUESTION) == last_word.endswith(": ")
    assert "daily_lock" not in caught.value.detail
