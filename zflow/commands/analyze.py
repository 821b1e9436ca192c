"""`zflow analyze`: how long each step of the first start took, and its critical path."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from zflow.commands.light import volume
from zflow.journal.reader import pruned, reading, stream
from zflow.status.document import gather
from zflow.terminal.screen import Screen, screen
from zflow.terminal.words import counted, duration, moment

if TYPE_CHECKING:
    from zflow.journal.timeline import Attempt, FirstStart, Total

LEAST = 0.005
"""Share of the total time below which a step is not listed alone; nor is one below two seconds."""
BAR = 16
UNKNOWN = "The critical path is known once the first start has ended."


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def analyze(*, as_json: bool) -> None:
    """Show where the time of the first start went: the steps, slowest first, then the critical path."""
    from zflow.journal import timeline

    with reading(volume()) as journal:
        start = timeline.first_start(stream(journal, timeline.COLUMNS), _now)
        gone = 0 if start is None else pruned(journal, start.last)
    if start is None:
        click.echo("No walk has begun yet.")
        return
    path = timeline.critical_path(start.attempts, start.ended) if start.whole else []
    if as_json:
        click.echo(json.dumps(_document(start, path), indent=2))
        return
    out = screen()
    took = start.ended - start.began
    so_far = "" if start.whole else " so far"
    click.echo(f"The first start began {moment(start.began, start.ended)} and took {duration(took)}{so_far}.\n")
    told = _path(path, start.ended, out) if start.whole else [UNKNOWN]
    for line in (*_steps(start.totals, took, out), "", *told):
        click.echo(line)
    if gone:
        click.echo(f"Pruned: {counted(gone, 'event')}. Of a step with many attempts only the last ones count.")


def _now() -> float:
    """Return the time up to which an unfinished first start is measured: now, or its last event."""
    document = gather(volume())
    updated = datetime.fromisoformat(document["updated"]).timestamp() if document["updated"] else time.time()
    return time.time() if document["walking"] else updated


def _document(start: FirstStart, path: list[Attempt]) -> dict[str, Any]:
    return {
        "began": start.began,
        "ended": start.ended if start.whole else None,
        "steps": [asdict(each) for each in start.totals],
        "critical_path": [asdict(each) | {"took": each.took} for each in path] if start.whole else None,
    }


def _steps(totals: list[Total], whole: float, out: Screen) -> Iterator[str]:
    yield "Steps, slowest first; steps in the background run beside the others:"
    small = [each for each in totals if each.took + each.waited < max(2.0, LEAST * whole)]
    for each in totals:
        if each in small:
            continue
        filled = round(BAR * min(1.0, each.took / whole)) if whole else 0
        bar = out.paint("busy", "━" * filled) + out.paint("dim", "─" * (BAR - filled))
        notes = [counted(each.attempts, "attempt")] if each.attempts > 1 else []
        notes += [f"waited {duration(each.waited)}"] if each.waited >= 1 else []
        yield f"  {duration(each.took):>12} {bar} {each.step:<22}  {', '.join(notes)}".rstrip()
    if small:
        yield f"  {duration(sum(each.took for each in small)):>12} {'':<{BAR}} {counted(len(small), 'other step')}"


def _path(path: list[Attempt], ended: float, out: Screen) -> Iterator[str]:
    """Yield the path with the moment at which each attempt began; short ones between two others share a line."""
    yield "Critical path: these steps decided when the first start ended:"
    began = path[0].began if path else ended
    least = max(2.0, LEAST * (ended - began))
    for heavy, group in groupby(path, key=lambda each: each.took >= least or each.outcome != "done"):
        members = list(group)
        if not heavy:
            took = sum(each.took for each in members)
            yield _line(members[0].began - began, took, counted(len(members), "other step"))
            continue
        for each in members:
            marks = [f"attempt {each.number}"] if each.number > 1 else []
            marks += [] if each.outcome == "done" else [each.outcome]
            yield out.cut(_line(each.began - began, each.took, f"{each.step:<22}  {', '.join(marks)}".rstrip()))
    idle = (ended - began) - sum(each.took for each in path)
    if idle >= 1:
        yield out.paint("dim", _line(None, idle, "between them: checks, back-off, or the container was down"))


def _line(at: float | None, took: float, what: str) -> str:
    return f"  {'' if at is None else '+' + duration(at):>14}  {duration(took):>12}  {what}"
