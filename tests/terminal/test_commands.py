"""What the commands for looking promise: following, explaining, completing."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import jsonschema
import pytest

from tests.engine.commands import Capture, run
from tests.engine.toy import hold_as
from tests.terminal.stages import STAGES, START, told
from zflow.commands import logs as logs_module
from zflow.commands import status as status_module
from zflow.commands import watch
from zflow.exits import Exit
from zflow.journal.layout import home
from zflow.status.document import gather
from zflow.status.steps import Document
from zflow.supervise.lock import WALKER


@pytest.fixture
def volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A volume that the commands speak of, looked at often."""
    monkeypatch.setenv("ZFLOW_VOLUME", str(tmp_path))
    for module in (status_module, watch):
        monkeypatch.setattr(module, "INTERVAL", 0.01)
    monkeypatch.setattr(logs_module, "POLL", 0.01)
    return tmp_path


def test_a_wait_ends_with_the_walk(volume: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--wait` follows a back-off and returns when the walk is blocked, with exit code 1 and the remedy."""
    STAGES["waiting"](volume)
    looks: list[str] = []

    def look() -> Document:
        if len(looks) == 2:
            (home(volume) / WALKER).unlink()
            STAGES["blocked"](volume)
        document = gather(volume)
        looks.append(document["state"])
        return document

    monkeypatch.setattr(status_module, "look", look)
    code, out, _ = run(capsys, "status", "--wait")
    assert looks == ["install", "install", "blocked"]
    assert (code, "blocked in tls: needs your action" in out) == (Exit.STOPPED, True)


@pytest.mark.parametrize(("stage", "code"), [("blocked", 1), ("failed", 1), ("serving", 0), ("unreadable", 1)])
def test_a_wait_for_what_has_ended_returns_at_once(volume: Path, capsys: Capture, stage: str, code: int) -> None:
    """What will not go on by itself, or not soon, is not waited for."""
    STAGES[stage](volume)
    assert run(capsys, "status", "--wait")[0] == code


def test_a_wait_has_its_limit(volume: Path, capsys: Capture) -> None:
    """After the time given the status is shown as it is; a limit without a wait is a mistake."""
    STAGES["configuring"](volume)
    assert run(capsys, "status", "--wait", "--timeout", "0.05")[0] == Exit.IN_PROGRESS
    assert run(capsys, "status", "--timeout", "5")[0] == Exit.USAGE


def test_the_schema_of_the_document_is_printed(volume: Path, capsys: Capture) -> None:
    """An operator has it from the command, also before anything was started; the document follows it."""
    code, schema, _ = run(capsys, "status", "--schema")
    assert code == Exit.VALID
    STAGES["waiting"](volume)
    document = json.loads(run(capsys, "status", "--json")[1])
    jsonschema.Draft202012Validator(json.loads(schema)).validate(document)


def test_watching_in_a_pipe_tells_each_change_once(volume: Path, capsys: Capture) -> None:
    """The headline comes again only when it changes, and what is recorded meanwhile comes in between."""
    STAGES["waiting"](volume)
    looks = 0

    def ended(_document: Document) -> bool:
        nonlocal looks
        looks += 1
        if looks == 2:
            with told(volume) as tale:
                tale.later(300)
                tale.started("install.source", 4)
        return looks == 4

    assert watch.follow(ended, steps=False, colour=None) == Exit.IN_PROGRESS
    first, second, third = capsys.readouterr().out.splitlines()
    assert "waiting to retry in install: Set up the vendor's package source" in first
    assert "at work in install: Set up the vendor's package source" in second
    assert re.search(r"install\.source +started +#4$", third)


def test_a_woken_runner_is_seen_walking_before_resume_returns(
    volume: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `status --wait` after `resume --no-follow` cannot meet the stop of before."""
    STAGES["blocked"](volume)
    sent: list[int] = []
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            hold_as(volume, WALKER)
            with told(volume, at=START + 9000) as tale:
                tale.begun("resume", "tls")

    monkeypatch.setattr(os, "kill", lambda _pid, number: sent.append(number))
    monkeypatch.setattr(time, "sleep", sleep)
    assert run(capsys, "resume", "--no-follow")[0] == Exit.VALID
    assert (sent, len(waits)) == ([signal.SIGUSR1], 3)
    assert run(capsys, "status")[0] == Exit.IN_PROGRESS


def test_a_followed_log_goes_on_in_the_next_attempts(volume: Path, capsys: Capture) -> None:
    """What is appended comes, and at the next attempt its log, announced on standard error; nothing commands."""
    folder = home(volume) / "logs/install"
    folder.mkdir(parents=True)
    first, second = folder / "setup.1.log", folder / "setup.2.log"
    first.write_text("\x1b[2Jone\n")
    assert run(capsys, "logs", "install.setup")[1] == "\\x1b[2Jone\n"
    first.write_text("one\n")
    pieces = logs_module._growing("install.setup", first, 0)
    assert next(pieces) == "one\n"
    with first.open("a") as file:
        file.write("two\n")
    assert next(pieces) == "two\n"
    second.write_text("three\n")
    os.utime(first, (1, 1))
    assert next(pieces) == "three\n"
    assert str(second) in capsys.readouterr().err


def test_a_wrong_code_is_told_the_near_ones(volume: Path, capsys: Capture) -> None:
    """Digits alone are enough; a typo gets a hint; without a code all are listed."""
    assert "ZF-1005  another zflow" in run(capsys, "explain", "1005")[1]
    assert "ZF-1005  another zflow" in run(capsys, "explain", "zf1005")[1]
    code, _, err = run(capsys, "explain", "ZF-1019")
    assert (code, "similar: ZF-101" in err) == (Exit.USAGE, True)
    listed = run(capsys, "explain")[1].splitlines()
    assert listed == sorted(listed)
    assert len(listed) > 80


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(volume: Path, capsys: Capture, shell: str) -> None:
    """The script asks `zflow` itself."""
    code, out, _ = run(capsys, "completion", shell)
    assert (code, f"_ZFLOW_COMPLETE={shell}_complete" in out) == (Exit.VALID, True)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("zflow sta", {"status"}), ("zflow logs install.se", {"install.services", "install.setup"}),
        ("zflow reset-state t", {"tls"}), ("zflow explain ZF-100", {f"ZF-100{digit}" for digit in range(1, 10)}),
        ("zflow status --wa", {"--wait", "--watch"}),
    ],
)  # fmt: skip
def test_names_are_completed(
    volume: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, words: str, offered: set[str]
) -> None:
    """Commands, options, steps, states and error codes are offered, as the shell's script asks for them."""
    STAGES["serving"](volume)
    monkeypatch.setenv("_ZFLOW_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    code, out, _ = run(capsys)
    assert {line.partition(",")[2] for line in out.splitlines()} == offered
    assert code == Exit.VALID


def test_without_a_journal_nothing_is_offered(volume: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Completion says nothing rather than something wrong."""
    monkeypatch.setenv("_ZFLOW_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "zflow logs ")
    monkeypatch.setenv("COMP_CWORD", "2")
    code, out, err = run(capsys)
    assert (code, out.strip(), err) == (0, "", "")
