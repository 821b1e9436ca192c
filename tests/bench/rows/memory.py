"""The supervisor at rest beside an interpreter that sleeps."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure, Row
from tests.bench.measure import PYTHON, TIED, side_by_side
from tests.bench.place import Place
from zflow.journal.layout import home, journal_file

SLEEP = "import time; time.sleep(60)"
SUPERVISE = """\
import sys
from pathlib import Path
import zflow.entry
from zflow.supervise.supervisor import run
run(Path(sys.argv[1]), ("/bin/true",))
"""
"""`zflow run` as the console script starts it, but with walks that end at once: all valid."""
SETTLED = 2.0
"""Seconds after which it idles."""


def measure(place: Place, rounds: int) -> Iterator[Figure]:
    """Let both idle, each alone, and ask the kernel (proc(5), smaps_rollup)."""
    volume = place.new("idle")
    home(volume).mkdir()
    journal_file(volume).touch()
    asleep = (str(PYTHON), "-c", SLEEP)
    supervisor = (str(PYTHON), "-P", "-c", SUPERVISE, str(volume))
    for field in ("Rss", "Pss"):
        ours, theirs = side_by_side(rounds, lambda: held(supervisor, field), lambda: held(asleep, field))  # noqa: B023
        yield in_memory("supervisor at rest", field, ours, theirs)


def in_memory(what: str, field: str, ours: float, theirs: float) -> Figure:
    """Return the figure for two amounts in KiB.

    The goal is for the resident set: the proportional one shares the interpreter with whoever else runs Python.
    """
    ratio = ours / theirs
    words = f"{theirs / 1024:.1f} MiB: python -c '{SLEEP}'"
    goal, met = ("≤ 1.5 ×", ratio <= 1.5) if field == "Rss" else ("", None)
    return Figure(f"{what}, {field}", f"{ours / 1024:.1f} MiB", words, f"{ratio:.2f} ×", goal, met, "1")


def held(argv: tuple[str, ...], field: str) -> float:
    """Return the KiB that a command holds once it idles."""
    with subprocess.Popen([*TIED, *argv], stdout=subprocess.DEVNULL) as process:
        time.sleep(SETTLED)
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        process.kill()
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{field}:")))


ROW = Row("memory", measure)
