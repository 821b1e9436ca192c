"""What the benchmarks compute from what they measure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.figures import Figure, faster, missed, span, table, within
from tests.bench.measure import counted, side_by_side
from tests.bench.rows.events import LIFE, past
from tests.bench.rows.journalled import durations, longest_path
from tests.bench.rows.predecessor import firewall
from tests.engine.toy import file_step
from tests.engine.where import ROOT
from zflow.journal.event import COLUMNS, link


def test_contenders_take_turns_and_the_median_counts() -> None:
    """A, B, A, B: one bad round, whoever it hits, decides nothing."""
    order: list[str] = []
    first, second = iter([1.0, 99.0, 2.0]), iter([5.0, 4.0, 6.0])

    def one() -> float:
        order.append("a")
        return next(first)

    def other() -> float:
        order.append("b")
        return next(second)

    assert side_by_side(3, one, other) == [2.0, 5.0]
    assert order == ["a", "b"] * 3


def test_a_goal_is_met_or_not() -> None:
    """The ratio is theirs to ours where speed is the goal, ours to theirs where a price is."""
    assert faster("x", 1.0, 6.0, "it", least=6).met
    assert not faster("x", 1.0, 5.9, "it", least=6).met
    assert within("x", 1.5, 1.0, "it", most=1.5).met
    assert not within("x", 1.6, 1.0, "it", most=1.5).met
    good, shown, bad = (Figure("x", "", "", "", "", met=met) for met in (True, None, False))
    assert (missed([good, shown]), missed([good, bad])) == (False, True)
    assert faster("x", 0.002, 0.01, "it", least=1).ratio == "5.0 × faster"


@pytest.mark.parametrize(("seconds", "text"), [(12.345, "12.3 s"), (0.0123, "12.3 ms"), (0.000174, "174 µs")])
def test_times_bear_a_unit(seconds: float, text: str) -> None:
    """Three digits and the unit that leaves them."""
    assert span(seconds) == text


def test_the_table_is_aligned_and_names_misses() -> None:
    """Each line is as long as the others; a missed goal is told from one that is met."""
    lines = list(
        table([("a", faster("x", 1, 9, "it", least=2)), ("b", Figure("long words", "", "", "", "", met=False))])
    )
    assert len({len(line) for line in lines}) == 1
    assert "| yes |" in lines[2]
    assert "| NO  |" in lines[3]


def test_the_longest_path_waits_for_what_began_ahead() -> None:
    """A step begun ahead costs nothing before its turn, and holds up only what comes after it."""
    steps = (file_step("one.a"), file_step("one.ahead", ahead=True), file_step("one.b"))
    assert longest_path(steps, {"one.a": 10.0, "one.ahead": 4.0, "one.b": 1.0}) == 11.0
    assert longest_path(steps, {"one.a": 10.0, "one.ahead": 30.0, "one.b": 1.0}) == 31.0
    assert longest_path(steps, {}) == 0.0


def test_all_attempts_of_a_step_count() -> None:
    """What a failed attempt took is part of the step's time; events without one add nothing."""
    rows: list[dict[str, Any]] = [
        {"step": "a", "duration": 1.5},
        {"step": "a", "duration": 2.0},
        {"step": "a", "duration": None},
    ]
    assert durations([*rows, {"step": None, "duration": 7.0}]) == {"a": 3.5}


def test_counted_system_calls(tmp_path: Path) -> None:
    """strace's table is read by name, its sum is left out."""
    (tmp_path / "counts").write_text(
        "    calls syscall\n--------- ------\n     1026 fdatasync\n     1000 syncfs\n     2026 total\n"
    )
    assert counted(tmp_path / "counts") == {"fdatasync": 1026, "syncfs": 1000}


def test_a_made_up_past_is_a_sound_chain() -> None:
    """Each event follows from the one before, and every step has lived through all kinds."""
    head, kinds = "", set()
    for row in past(400):
        assert row["hash"] == link(head, [row[each] for each in COLUMNS])
        head = row["hash"]
        kinds.add((row["step"], row["kind"]))
    assert len(kinds) == 40 * len(set(LIFE))


def test_the_predecessors_calls() -> None:
    """About ninety, each once."""
    calls = list(firewall())
    assert 80 < len(calls) < 100
    assert len(set(calls)) == len(calls)


KILLED = """\
import os, sys, time
from pathlib import Path
from typing import Any
from tests.bench import place
place.FOLDER = Path(sys.argv[1])
place.shutil.which = lambda _name: None
with place.place() as here:
    (here.new("left") / "file").touch()
    print("made", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_by_killed_benchmarks(tmp_path: Path, number: int) -> None:
    """Whatever ends them, their folder goes."""
    folder = tmp_path / "place"
    argv = [sys.executable, "-c", KILLED, str(folder)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "made\n"
        assert folder.exists()
        os.kill(process.pid, number)
        assert process.stdout.read() == ""  # ends when the one that cleans up has let go of it
    assert not folder.exists()
