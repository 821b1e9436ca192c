"""What the table is made of: a row measures, a figure is one line of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tests.bench.place import Place


@dataclass(frozen=True)
class Figure:
    """One line: ours beside theirs, the goal, and what nobody can go below."""

    what: str
    ours: str
    against: str
    ratio: str
    goal: str
    met: bool | None
    """None for what is shown beside a figure that has the goal."""
    limit: str = ""


Measure = Callable[[Place, int], Iterable[Figure]]
"""Takes the place and the number of rounds."""


@dataclass(frozen=True)
class Row:
    """One row of the issue's table; `name` chooses it on the command line."""

    name: str
    measure: Measure


def missed(figures: Iterable[Figure]) -> bool:
    """Tell whether one of them misses its goal."""
    return any(each.met is False for each in figures)


MET = {True: "yes", False: "NO", None: ""}
HEAD = Figure("what", "zflow", "against", "ratio", "goal", met=True, limit="limit")


def table(lines: Iterable[tuple[str, Figure]]) -> Iterator[str]:
    """Yield the lines of a Markdown table; the first cell is the row's name."""
    cells = [("row", HEAD.what, HEAD.ours, HEAD.against, HEAD.ratio, HEAD.goal, "met", HEAD.limit)]
    cells += [
        (name, each.what, each.ours, each.against, each.ratio, each.goal, MET[each.met], each.limit)
        for name, each in lines
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in (cells[0], tuple("-" * width for width in widths), *cells[1:]):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"


def faster(what: str, ours: float, theirs: float, against: str, *, least: float, limit: str = "") -> Figure:
    """Return a figure whose goal is to be so many times faster; both times in seconds."""
    ratio = theirs / ours
    return Figure(
        what, span(ours), f"{span(theirs)}: {against}", f"{ratio:.1f} × faster", f"≥ {least:g} × faster",
        met=ratio >= least, limit=limit,
    )  # fmt: skip


def within(what: str, ours: float, theirs: float, against: str, *, most: float, limit: str = "") -> Figure:
    """Return a figure whose goal is to take at most so many times as long; both times in seconds."""
    ratio = ours / theirs
    return Figure(
        what, span(ours), f"{span(theirs)}: {against}", f"{ratio:.2f} ×", f"≤ {most:g} ×", met=ratio <= most,
        limit=limit,
    )  # fmt: skip


def span(seconds: float) -> str:
    """Return a time with a unit that leaves about three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"
