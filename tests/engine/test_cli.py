"""The commands: what they print, what they change, and their exit codes."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.commands import TOY, Capture, operated, run
from tests.engine.toy import Bench, again, file_step, hold_as, product
from tests.engine.where import ROOT
from zflow import codes
from zflow.commands import inner
from zflow.commands import product as product_module
from zflow.context import Context
from zflow.errors import Code, OperatorError
from zflow.exits import Exit
from zflow.journal import pruning
from zflow.journal.layout import journal_file
from zflow.step import Evidence, Step
from zflow.supervise.lock import RUNNER, WALKER

__all__ = ["operated"]


def test_plan_tells_what_would_run_and_why_and_changes_nothing(bench: Bench, capsys: Capture) -> None:
    """On a fresh volume everything was never done; nothing is written."""
    code, out, _ = run(capsys, "plan")
    assert code == Exit.VALID
    assert out.count("because: never done") == 3
    assert list(bench.volume.iterdir()) == []


def test_plan_gives_each_reason_its_words(bench: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is lost, has other inputs or another revision is due for that reason; what holds is not named."""
    steps = {step.name: step for step in TOY.steps}
    bench.walk(TOY)
    assert "Nothing is due" in run(capsys, "plan")[1]
    for name in ("one.a", "two.a"):
        (bench.volume / name).unlink()
    later = product(steps["one.a"], steps["one.b"], again(steps["two.a"], revision=2))
    monkeypatch.setattr(product_module, "product", lambda: later)
    out = run(capsys, "plan")[1]
    assert re.search(r"one\.a .*\n +because: no longer holds", out)
    assert re.search(r"two\.a .*\n +because: this version of zflow does it differently", out)
    assert "one.b" not in out


def refusing(name: str) -> Step:
    """Return a step whose probe needs the operator."""

    def probe(_ctx: Context) -> None:
        raise OperatorError(codes.SETTINGS, "no password")

    return again(file_step(name), probe=probe)


def test_verify_looks_at_every_result(bench: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deleted artefact and a refusing probe are named; the exit code is 1, and 0 when all hold."""
    bench.walk(TOY)
    code, out, _ = run(capsys, "verify")
    assert (code, "3 of 3 steps hold." in out) == (Exit.VALID, True)
    (bench.volume / "one.a").unlink()
    monkeypatch.setattr(product_module, "product", lambda: product(*TOY.steps[:2], refusing("two.a")))
    code, out, _ = run(capsys, "verify")
    assert code == Exit.STOPPED
    assert re.search(r"one\.a +LOST", out)
    assert re.search(r"two\.a +REFUSED +ZF-1001 .*no password", out)
    assert "1 of 3 steps hold. `zflow resume` repairs." in out


def test_what_no_command_can_look_at_yet_is_due(bench: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its first attempt a step whose probe needs what an earlier one brings is due, afterwards it is refused."""

    def look(ctx: Context) -> Evidence | None:
        ctx.shell.run("false")
        return None

    what = product(file_step("one.a"), again(file_step("two.a"), probe=look))
    monkeypatch.setattr(product_module, "product", lambda: what)
    assert re.search(r"two\.a +due +never done; cannot be checked yet\n", run(capsys, "verify")[1])
    bench.walk(what)
    assert re.search(r"two\.a +REFUSED +ZF-1010 .*`false` ended with 1", run(capsys, "verify")[1])


def test_notices_are_told_and_stop_nothing(bench: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an operator should know of shows in history and `verify`, while the step holds and the exit code is 0."""
    step = file_step("one.a")

    def probe(ctx: Context) -> Evidence | None:
        return Evidence("there", ("little memory: give it more",)) if step.probe(ctx) else None

    uneasy = product(again(step, probe=probe))
    assert bench.walk(uneasy) == "serving"
    assert bench.events("one.a")[-1]["evidence"] == "NOTICE: little memory: give it more; there"
    monkeypatch.setattr(product_module, "product", lambda: uneasy)
    code, out, _ = run(capsys, "verify")
    assert code == Exit.VALID
    assert re.search(r"one\.a +valid +there\none\.a +notice +little memory: give it more\n", out)


def test_what_is_the_operators_is_told_by_verify_alone(
    bench: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`verify` says whose a value is that zflow leaves; it is no finding, and nothing for the journal."""
    mine = product(again(file_step("one.a"), probe=lambda _ctx: Evidence("there", remarks=("X is 9, set by hand",))))
    assert bench.walk(mine) == "serving"
    assert bench.events("one.a")[-1]["evidence"] == "there"
    monkeypatch.setattr(product_module, "product", lambda: mine)
    code, out, _ = run(capsys, "verify")
    assert code == Exit.VALID
    assert re.search(r"one\.a +valid +there\none\.a +yours +X is 9, set by hand\n", out)


def test_a_notice_that_came_or_went_is_recorded(bench: Bench) -> None:
    """The journal, from which `status` speaks, follows the notices; while they stay the same nothing is recorded."""
    step, told = file_step("one.a"), [("one",), ("one",), ("one", "two"), ("two",), (), ()]
    for notices in told:

        def probe(ctx: Context, notices: tuple[str, ...] = notices) -> Evidence | None:
            return Evidence("there", notices) if step.probe(ctx) else None

        assert bench.walk(product(again(step, probe=probe))) == "serving"
    assert [row["evidence"] for row in bench.events("one.a") if row["evidence"]] == [
        "NOTICE: one; there",
        "NOTICE: one; NOTICE: two; there",
        "NOTICE: two; there",
        "there",
    ]


def test_verify_checks_the_chain(bench: Bench, capsys: Capture) -> None:
    """A journal that was changed by hand is said to be damaged, by the event where it begins."""
    bench.walk(TOY)
    with closing(sqlite3.connect(journal_file(bench.volume))) as raw, raw:
        raw.execute("DROP TRIGGER event_stays")
        raw.execute("UPDATE event SET evidence = 'forged' WHERE seq = 4")
    code, _, err = run(capsys, "verify")
    assert code == Exit.REFUSED
    assert "ZF-1004" in err
    assert "event 4" in err


def test_verify_asks_the_audit(bench: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dearer look is the one that counts."""
    bench.walk(TOY)
    strict = again(TOY.steps[0], audit=lambda _ctx: None)
    monkeypatch.setattr(product_module, "product", lambda: product(strict, *TOY.steps[1:]))
    assert "2 of 3 steps hold" in run(capsys, "verify")[1]
    assert "Nothing is due" in run(capsys, "plan")[1]


def test_history_lists_events_oldest_first(bench: Bench, capsys: Capture) -> None:
    """One line an event, or one JSON object; `--last` gives the end of it."""
    bench.walk(TOY)
    lines = run(capsys, "history")[1].splitlines()
    assert len(lines) == len(bench.events())
    assert "begun" in lines[0]
    assert re.search(r"one\.a +started +#1$", lines[2])
    rows = [json.loads(line) for line in run(capsys, "history", "--json")[1].splitlines()]
    assert rows == bench.events()
    assert run(capsys, "history", "--last", "2")[1].splitlines() == lines[-2:]


def test_what_was_pruned_is_told(bench: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history says where events are missing, and `journal verify` that what is left is proven all the same."""
    bench.walk(TOY)
    for name, value in (("ENOUGH", 0), ("RECENT", 4), ("LAST", 3)):
        monkeypatch.setattr(pruning, name, value)
    for _ in range(20):
        bench.walk(TOY)
    kept, newest = bench.events(), bench.events()[-1]["seq"]
    told = run(capsys, "history")[1].splitlines()
    gaps = [int(line.split()[1]) for line in told if line.startswith("…")]
    assert sum(gaps) == newest - len(kept) > 20
    assert len(told) == len(kept) + len(gaps)
    code, out, _ = run(capsys, "journal", "verify")
    assert (code, out) == (
        Exit.VALID,
        f"The journal is intact: {newest} events, {sum(gaps)} of them pruned; the chain covers the gaps.\n",
    )


def test_logs_show_the_newest_or_a_steps_log(bench: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the log that was asked for; a step without a log is a usage error that names those there are."""

    def talk(ctx: Context) -> None:
        for number in range(100):
            ctx.log(f"line {number}")

    bench.walk(product(file_step("one.a", before=talk)))
    out = run(capsys, "logs", "-n", "2")[1]
    assert [line.split(" ", 1)[1] for line in out.splitlines()] == ["line 98", "line 99"]
    assert len(run(capsys, "logs", "one.a", "-n", "0")[1].splitlines()) == 100
    code, _, err = run(capsys, "logs", "two.x")
    assert code == Exit.USAGE
    assert "there are: one.a" in err


def test_explain_knows_every_code_of_the_engine(bench: Bench, capsys: Capture) -> None:
    """Cause and remedy are printed; an unknown code is a usage error."""
    for code in codes.ENGINE_CODES:
        ended, out, _ = run(capsys, "explain", code.id.lower())
        assert ended == Exit.VALID
        assert code.cause in out
        assert code.remedy in out
    assert run(capsys, "explain", "ZF-0000")[0] == Exit.USAGE


def test_the_codes_are_unique_and_all_listed() -> None:
    """No two codes share an id, and every code of the module is in its table."""
    defined = [each for each in vars(codes).values() if isinstance(each, Code)]
    assert sorted(each.id for each in defined) == sorted(each.id for each in codes.ENGINE_CODES)
    assert len({each.id for each in defined}) == len(defined)


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["status", "--nonsense"], ["history", "--last", "x"], ["completion"]]
)
def test_a_wrong_command_line_is_exit_code_two(bench: Bench, capsys: Capture, arguments: list[str]) -> None:
    """Usage errors say what is wrong."""
    code, _, err = run(capsys, *arguments)
    assert code == Exit.USAGE
    assert "Error" in err


@pytest.mark.parametrize("arguments", [["history"], ["verify"], ["plan"], ["resume"], ["reset-state", "one", "--yes"]])
def test_a_damaged_journal_is_one_coded_line(bench: Bench, capsys: Capture, arguments: list[str]) -> None:
    """Every command that needs the journal says ZF-1004 and the remedy, with exit code 5 and no traceback."""
    bench.walk(TOY)
    journal_file(bench.volume).write_bytes(b"not a database, whatever its name says" * 100)
    code, out, err = run(capsys, *arguments)
    assert code == Exit.REFUSED
    assert "ZF-1004" in out + err
    assert codes.JOURNAL_DAMAGED.remedy in out + err
    assert "Traceback" not in out + err


def test_the_supervisors_commands_speak_of_the_same_product(
    bench: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A product put in place of the image's is also the one whose volume is admitted."""

    def admit(_volume: Path) -> None:
        raise OperatorError(codes.SETTINGS, "not this volume")

    monkeypatch.setattr(product_module, "product", lambda: replace(TOY, admit=admit))
    assert inner.admit() == Exit.REFUSED
    assert "not this volume" in capsys.readouterr().err


def test_status_waits_for_the_end_of_a_walk(bench: Bench, capsys: Capture) -> None:
    """`--wait` returns at once when nothing is under way, and after its time limit when it is."""
    bench.walk(TOY)
    hold_as(bench.volume, RUNNER)
    assert run(capsys, "status", "--wait")[0] == Exit.VALID
    hold_as(bench.volume, WALKER)
    assert run(capsys, "status", "--wait", "--timeout", "0")[0] == Exit.IN_PROGRESS


def test_the_readme_lists_the_exit_codes_there_are() -> None:
    """The README's table has a row for each exit code, and no other."""
    rows = re.findall(r"^\| (\d) \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert [int(number) for number, _ in rows] == [int(code) for code in Exit]
