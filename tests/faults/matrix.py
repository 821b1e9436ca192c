"""The matrix of faults: what was done, how often, with which outcomes, how many wrong; `make faults` keeps it."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tests import reliability

T = TypeVar("T")
LONG = os.environ.get("ZFLOW_TEST_FAULTS") == "long"
"""Whether everything is tried, and not the part that the normal suite has time for."""
SEED = int(os.environ.get("ZFLOW_TEST_SEED", "20261125"))
"""What chance is begun with; the seed of a failure, given again, makes it again."""
COMMAND = "make faults"


@dataclass(frozen=True)
class Row:
    """One line of the matrix."""

    story: str
    what: str
    tried: int
    wrong: int
    outcomes: str


ROWS: list[Row] = []


def judge(story: str, what: str, tried: int, wrong: Sequence[object], outcomes: Mapping[str, int] | str = "") -> None:
    """Enter a row, then fail with the wrong outcomes and the seed when there are any, or when nothing was tried."""
    if not isinstance(outcomes, str):
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    ROWS.append(Row(story, what, tried, len(wrong), outcomes))
    listed = "\n".join(map(str, wrong[:20]))
    assert not wrong, f"{len(wrong)} of {tried} wrong (ZFLOW_TEST_SEED={SEED}): {what}\n{listed}"
    assert tried > 0, what


def chance(name: str) -> random.Random:
    """Return a source of chance of its own for a test, so that it does not depend on which others ran."""
    return random.Random(f"{SEED}:{name}")


def some(name: str, everything: Sequence[T], count: int) -> list[T]:
    """Return everything in the long form, else a part by chance, in order."""
    if LONG or len(everything) <= count:
        return list(everything)
    chosen = chance(name).sample(range(len(everything)), count)
    return [everything[number] for number in sorted(chosen)]


def render(rows: Sequence[Row]) -> str:
    """Return the matrix as a table in Markdown."""
    lines = ["| story | what | tried | right outcomes | wrong |", "|---|---|---:|---|---:|"]
    ordered = sorted(rows, key=lambda row: row.story)
    lines += [f"| {row.story} | {row.what} | {row.tried} | {row.outcomes} | {row.wrong} |" for row in ordered]
    lines.append(f"| **all** | | **{sum(row.tried for row in rows)}** | | **{sum(row.wrong for row in rows)}** |")
    return "\n".join(lines) + "\n"


def keep(rows: Sequence[Row]) -> None:
    """Put the rows in their place in the docs; the stories that were not told this time stay as they are."""
    told = {row.story for row in rows}
    untold = [row for row in parsed(reliability.kept(COMMAND)) if row.story not in told]
    reliability.keep(COMMAND, render([*untold, *rows]))


def parsed(table: str) -> list[Row]:
    """Return the rows of a table that `render` made: all but its first two lines and the sum."""
    cells = [line.strip("| ").split(" | ") for line in table.splitlines()[2:-1]]
    return [Row(story, what, int(tried), int(bad), outcomes) for story, what, tried, outcomes, bad in cells]
