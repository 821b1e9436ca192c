"""`zflow status`: the right words, document and exit code for every situation a volume can be in."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.engine.toy import AT_ONCE, Bench, Crash, again, file_step, hold_as, product
from tests.engine.where import LIMIT, ROOT
from zflow import codes
from zflow.context import Context
from zflow.errors import CommandError, OperatorError
from zflow.exits import Exit
from zflow.host.boot import boot_identity
from zflow.journal.layout import home, journal_file
from zflow.retry import POLICIES
from zflow.status.document import as_json, exit_code, gather
from zflow.status.view import as_text
from zflow.step import Scope
from zflow.supervise.lock import RUNNER, WALKER

SCHEMA = json.loads((ROOT / "zflow/status/schema.json").read_text())
TOY = product(file_step("one.a"), file_step("one.b", scope=Scope.BOOT), file_step("two.a"))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A fresh volume, and a policy that does not wait."""
    monkeypatch.setitem(POLICIES, "at-once", AT_ONCE)
    return Bench(tmp_path, boot_identity())


def look(volume: Path) -> tuple[dict[str, Any], str, Exit]:
    """Return the document, checked against the published schema, the text, and the exit code."""
    document = gather(volume)
    jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(document)
    assert json.loads(as_json(document)) == document
    assert json.loads(as_json(document, unicode=False)) == document
    return document, as_text(document), exit_code(document)


def raising(error: Exception) -> Callable[[Context], None]:
    """Return an apply that fails."""

    def apply(_ctx: Context) -> None:
        raise error

    return apply


def crash(_ctx: Context) -> None:
    """End the process."""
    raise Crash


def test_an_untouched_volume_has_no_runner_and_no_journal(tmp_path: Path) -> None:
    """State `none`, exit code 1, and what to do."""
    document, text, code = look(tmp_path)
    assert (document["state"], document["problem"]["code"], code) == ("none", codes.NO_JOURNAL.id, Exit.STOPPED)
    assert "no supervisor is running" in text
    assert list(tmp_path.iterdir()) == []


def test_a_volume_that_another_container_holds_is_said_to_be(bench: Bench) -> None:
    """Neither `no supervisor` nor `start the container`: exit code 4, with the last state, and where to look."""
    bench.walk(TOY)
    hold_as(bench.volume, RUNNER)
    (home(bench.volume) / RUNNER).write_text(
        json.dumps({"pid": 7, "started": 70, "boot": "elsewhere-70", "room": "1-2"})
    )
    document, text, code = look(bench.volume)
    assert (document["runner"], document["walking"], document["state"], code) == (
        "elsewhere",
        False,
        "serving",
        Exit.HELD,
    )
    assert "held by another container; last state: serving" in text
    assert "Start the container" not in text


def test_a_runner_without_a_journal_is_starting(tmp_path: Path) -> None:
    """Before the journal is made, and before its first row, the walk is on its way: exit code 3."""
    hold_as(tmp_path, RUNNER)
    document, text, code = look(tmp_path)
    assert (document["state"], document["problem"], code) == ("starting", None, Exit.IN_PROGRESS)
    assert "starting" in text
    Bench(tmp_path).journal().close()
    document, _, code = look(tmp_path)
    assert (document["state"], code) == ("starting", Exit.IN_PROGRESS)


def test_a_step_at_work_shows_its_progress(bench: Bench) -> None:
    """While a walk is under way the running step shows since when, how far and with which sub-step."""
    hold_as(bench.volume, RUNNER)
    hold_as(bench.volume, WALKER)
    seen: list[tuple[dict[str, Any], str, Exit]] = []

    def report(ctx: Context) -> None:
        ctx.progress.report(30, 120, "MiB", "unpacking")
        seen.append(look(bench.volume))

    bench.walk(product(file_step("one.a"), file_step("one.b", before=report), file_step("two.a")))
    ((document, text, code),) = seen
    assert [step["status"] for step in document["steps"]] == ["valid", "running", "pending"]
    running = document["steps"][1]
    assert running["progress"] == {
        "step": "one.b", "done": 30, "total": 120, "unit": "MiB", "rate": 0, "note": "unpacking",
    }  # fmt: skip
    assert "so far: 25%, 30 of 120 MiB, unpacking" in running["note"]
    assert "25% done\n        30 of 120 MiB · unpacking" in text
    assert "at work in one: make one.b" in text
    assert code == Exit.IN_PROGRESS
    assert look(bench.volume)[0]["steps"][1]["progress"] is None


def test_a_waiting_step_shows_its_next_try(bench: Bench) -> None:
    """In back-off the step, its error and the time of the next try are shown, with exit code 3."""
    hold_as(bench.volume, RUNNER)
    hold_as(bench.volume, WALKER)
    seen: list[tuple[dict[str, Any], str, Exit]] = []
    error = CommandError(codes.COMMAND, ("apt",), 100, "dead mirror")

    class Looking(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            seen.append(look(bench.volume))
            return True

    bench.wake = Looking()
    bench.walk(product(again(file_step("one.a"), apply=raising(error), retry="at-once")))
    document, text, code = seen[0]
    (step,) = document["steps"]
    assert (step["status"], step["code"], step["attempt"]) == ("waiting", "ZF-1010", 1)
    assert step["next_try"] is not None
    assert step["note"] == f"ZF-1010, next try {step['next_try'][11:19]}Z (1 failed)"
    assert "ZF-1010, attempt 2 " in text
    assert "dead mirror" in text
    assert code == Exit.IN_PROGRESS


def test_a_back_off_that_nobody_waits_out_is_a_failure(bench: Bench) -> None:
    """A step whose walker was killed while it waited for the next try has failed; it waits only in a walk."""

    class Killed(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            raise Crash

    error = CommandError(codes.COMMAND, ("apt",), 100, "dead mirror")
    bench.wake = Killed()
    with pytest.raises(Crash):
        bench.walk(product(again(file_step("one.a"), apply=raising(error), retry="at-once")))
    (step,) = look(bench.volume)[0]["steps"]
    assert (step["status"], step["note"], step["next_try"]) == ("failed", "ZF-1010", None)
    hold_as(bench.volume, WALKER)
    assert look(bench.volume)[0]["steps"][0]["status"] == "waiting"


def test_attempts_are_numbered_where_earlier_ones_failed(bench: Bench) -> None:
    """A step that runs once more at every start, and never failed, does not read as if it had."""
    seen: list[tuple[str, str]] = []

    def see(ctx: Context) -> None:
        if bench.boot != "first":
            seen.append((look(ctx.volume)[0]["steps"][0]["note"], look(ctx.volume)[1]))
        if len(seen) == 1:
            raise CommandError(codes.COMMAND, ("apt",), 100, "dead mirror")

    what = product(file_step("one.a", scope=Scope.BOOT, before=see, retry="at-once"))
    bench.boot = "first"
    bench.walk(what)
    bench.boot = boot_identity()
    hold_as(bench.volume, RUNNER)
    hold_as(bench.volume, WALKER)
    (bench.volume / "one.a").unlink()
    bench.walk(what)
    (fresh, _), (again_note, text) = seen
    assert "attempt" not in fresh
    assert again_note.endswith("so far, attempt 2")
    assert "0 s, attempt 2" in text


def test_a_blocked_walk_says_what_to_do(bench: Bench) -> None:
    """Code, detail and remedy are in both forms; the exit code is 1 although the runner lives."""
    bench.walk(product(again(file_step("one.a"), apply=raising(OperatorError(codes.SETTINGS, "no password")))))
    hold_as(bench.volume, RUNNER)
    document, text, code = look(bench.volume)
    assert (document["state"], document["place"], document["step"]) == ("blocked", "one", "one.a")
    assert document["problem"] == {
        "code": "ZF-1001", "detail": "no password", "next_try": None,
        "remedy": f"{codes.SETTINGS.remedy} Its log: `zflow logs one.a`.",
    }  # fmt: skip
    assert "blocked in one: needs your action" in text
    assert f"ZF-1001: no password\nWhat to do: {codes.SETTINGS.remedy}" in text
    assert code == Exit.STOPPED


def test_a_failed_walk_says_when_it_goes_on(bench: Bench) -> None:
    """The next try by itself is shown; the exit code is 1."""
    error = CommandError(codes.COMMAND, ("apt",), 100, "dead mirror")
    bench.walk(product(again(file_step("one.a"), apply=raising(error), retry="at-once")))
    hold_as(bench.volume, RUNNER)
    document, text, code = look(bench.volume)
    assert document["state"] == "failed"
    assert document["problem"]["next_try"] is not None
    assert "next try in " in text
    assert code == Exit.STOPPED


def test_serving_is_exit_code_zero_unless_a_walk_is_under_way(bench: Bench) -> None:
    """Everything valid, with the evidence of each step."""
    bench.walk(TOY)
    hold_as(bench.volume, RUNNER)
    document, text, code = look(bench.volume)
    assert [(step["status"], step["evidence"]) for step in document["steps"]] == [
        ("valid", "one.a is there"),
        ("valid", "one.b is there"),
        ("valid", "two.a is there"),
    ]
    assert "serving: every state is valid" in text
    assert code == Exit.VALID
    hold_as(bench.volume, WALKER)
    assert look(bench.volume)[2] == Exit.IN_PROGRESS


def test_a_dead_runner_is_said_to_be_dead(bench: Bench) -> None:
    """The last state is shown, with exit code 1, and a step that was cut off is due."""
    with pytest.raises(Crash):
        bench.walk(product(file_step("one.a", before=crash)))
    document, text, code = look(bench.volume)
    assert (document["runner"], document["walking"], document["steps"][0]["status"]) == ("absent", False, "due")
    assert "no supervisor is running" in text
    assert "last state: one" in text
    assert code == Exit.STOPPED


def test_an_earlier_starts_word_is_not_taken_for_this_ones(bench: Bench) -> None:
    """After a restart what lasts until the container ends is due, and the walk is starting, until it is looked at."""
    bench.boot = "an-earlier-start"
    bench.walk(TOY)
    hold_as(bench.volume, RUNNER)
    document, _, code = look(bench.volume)
    assert [step["status"] for step in document["steps"]] == ["valid", "due", "valid"]
    assert (document["state"], code) == ("starting", Exit.IN_PROGRESS)


def test_damage_and_a_newer_journal_are_named_beside_a_living_runner(bench: Bench) -> None:
    """State `unreadable` with the code and the way out, and exit code 1, never a traceback."""
    bench.walk(TOY)
    hold_as(bench.volume, RUNNER)
    with closing(sqlite3.connect(journal_file(bench.volume))) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    document, text, code = look(bench.volume)
    assert (document["state"], document["problem"]["code"], code) == ("unreadable", "ZF-1003", Exit.STOPPED)
    assert codes.JOURNAL_NEWER.remedy in text
    journal_file(bench.volume).write_bytes(b"not a database, whatever its name says" * 100)
    assert look(bench.volume)[0]["problem"]["code"] == "ZF-1004"


def terminal(volume: Path, *arguments: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[bytes]:
    """Run `zflow` with a terminal of some encoding."""
    environment = os.environ | {"ZFLOW_VOLUME": str(volume), "PYTHONIOENCODING": encoding}
    argv = [sys.executable, "-m", "zflow", *arguments]
    return subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, timeout=LIMIT, check=False)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_utf8_gets_plain_marks(bench: Bench, encoding: str) -> None:
    """Text, JSON and history are shown in what the terminal can show, and nothing breaks."""
    step = file_step("one.a")
    bench.walk(product(again(step, title="naïve → step")))
    shown = terminal(bench.volume, "status", encoding=encoding)
    assert re.search(rb"  \+ one +1 of  1$", shown.stdout, re.MULTILINE)
    listed = terminal(bench.volume, "status", "--steps", encoding=encoding)
    assert ("      + naïve > step".encode(encoding, "replace")) in listed.stdout
    document = json.loads(terminal(bench.volume, "status", "--json", encoding=encoding).stdout)
    assert document["steps"][0]["title"] == "naïve → step"
    for arguments in (("status",), ("status", "--json"), ("history",)):
        ended = terminal(bench.volume, *arguments, encoding=encoding)
        ended.stdout.decode(encoding)
        assert b"Traceback" not in ended.stderr


HEAVY = {
    "sqlalchemy", "alembic", "click", "logging", "rich", "transitions", "tenacity", "sh", "cryptography", "states",
    "dataclasses", "hashlib",
}  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["status", "--steps", "--no-color"], ["status", "--json"], ["health"], ["version"], ["--version"]],
)
def test_looking_loads_nothing_heavy(bench: Bench, arguments: list[str]) -> None:
    """The plain forms of status, health and version load neither SQLAlchemy nor click nor what imports `inspect`."""
    bench.walk(TOY)
    script = (
        "import sys; from zflow.entry import dispatch; dispatch(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    )
    environment = os.environ | {"ZFLOW_VOLUME": str(bench.volume)}
    argv = [sys.executable, "-c", script, *arguments]
    ended = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=LIMIT)
    assert ended.stdout
    assert not HEAVY & set(ended.stderr.split())


def test_a_supervisor_loads_nothing_heavy() -> None:
    """The process that idles for as long as the container lives is light: not even SQLite is in it."""
    script = "import sys, zflow.supervise.supervisor; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not (HEAVY | {"sqlite3"}) & set(ended.stdout.split())


def test_a_progress_file_that_makes_no_sense_is_passed_over(bench: Bench) -> None:
    """Half a file, or another's, does not break the status."""
    bench.walk(TOY)
    hold_as(bench.volume, RUNNER)
    hold_as(bench.volume, WALKER)
    for name, content in (("a", "{"), ("b", "[]"), ("c", "{}")):
        (home(bench.volume) / "progress" / f"{name}.json").write_text(content)
    assert look(bench.volume)[0]["state"] == "serving"
