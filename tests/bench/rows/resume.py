"""A walk of a thousand steps, dead in the middle: from the start of the process to the first step that is new."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure, Row, faster, span
from tests.bench.measure import answer, side_by_side
from tests.bench.place import Place

STEPS = 1000
FEW = 20


def measure(place: Place, rounds: int) -> Iterator[Figure]:
    """Resume the same journal again and again; DBOS, which goes on by itself, gets a copy made anew each time."""
    half, few = place.new("half"), place.new("few")
    for folder, count in ((half, STEPS), (few, FEW)):
        die("zflow_walk", folder, count, "half", "volume")

    def dbos() -> float:
        folder = place.new("dbos")
        die("dbos_walk", folder, STEPS, "half")
        return first_new("dbos_walk", folder, STEPS)

    ours, small, theirs = side_by_side(
        rounds, lambda: first_new("zflow_walk", half, STEPS), lambda: first_new("zflow_walk", few, FEW), dbos
    )
    each = (ours - small) / (STEPS // 2 - FEW // 2)
    yield faster(
        "resume at 500 of 1,000", ours, theirs, "DBOS 3.4.0", least=5, limit=f"{span(small)}: at {FEW // 2} of {FEW}"
    )
    yield Figure(
        "for one step more in the product, finished", span(max(each, 1e-6)), "", "", "no replay, < 0.1 ms", each < 1e-4,
        "one look at the world: its probe",
    )  # fmt: skip


def first_new(subject: str, folder: Path, count: int) -> float:
    """Return the seconds from the start of the process to its first new step."""
    begun = time.monotonic()
    scope = ("volume",) if subject == "zflow_walk" else ()
    return float(answer(subject, folder, str(count), "resume", *scope)["at"]) - begun


def die(subject: str, folder: Path, count: int, *mode: str) -> None:
    """Walk to the middle and die there, without an answer."""
    try:
        answer(subject, folder, str(count), *mode)
    except (IndexError, ValueError):
        return
    raise RuntimeError(f"{subject} did not die")


ROW = Row("resume", measure)
