"""Commands that only look: `history`, `plan`, `verify`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import click

from zflow.codes import JOURNAL_DAMAGED, NO_JOURNAL
from zflow.commands.light import volume
from zflow.errors import OperatorError
from zflow.exits import Exit
from zflow.host.clock import second
from zflow.journal.layout import journal_file
from zflow.journal.reader import events, reading, records, stream
from zflow.journal.seal import wrong
from zflow.terminal.screen import PIPED, Screen, screen
from zflow.terminal.words import counted

VERDICTS = {
    "holds": ("✓", "good", "valid"),
    "found": ("✓", "good", "found"),
    "due": ("○", "warn", "due"),
    "lost": ("✗", "bad", "LOST"),
    "refused": ("✗", "bad", "REFUSED"),
}
"""Sign, colour and word for a step; `found`: it holds although the journal does not say so yet."""


@click.command()
@click.option("--last", type=int, default=None, metavar="N", help="Only the last N events.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def history(*, last: int | None, as_json: bool) -> None:
    """List what happened on this volume, oldest first."""
    out = screen()
    with reading(volume()) as journal:
        rows = stream(journal, last=last)
        pour(map(json.dumps, rows) if as_json else _described(rows, out))


def pour(lines: Iterable[str]) -> None:
    """Print any number of lines, many at once: a million one by one take a minute."""
    waiting = iter(lines)
    while some := list(islice(waiting, 500)):
        click.echo("\n".join(some))


def _described(rows: Iterable[dict[str, Any]], out: Screen) -> Iterator[str]:
    """Yield each event for people, and a line for each gap that says how many were pruned."""
    expected = None
    for row in rows:
        if expected is not None and row["seq"] != expected:
            yield f"… {counted(row['seq'] - expected, 'event')} pruned"
        expected = row["seq"] + 1
        yield describe(row, out)


def describe(row: dict[str, Any], out: Screen = PIPED) -> str:
    """Return one event for people: on one line, or, where that is too long, with its details on further lines."""
    subject = row["step"] or row["state"] or "walk"
    parts = [second(row["at"]), f"{subject:<28}", f"{row['kind']:<11}"]
    if row["attempt"] and row["kind"] != "satisfied":
        parts.append(f"#{row['attempt']}")
    if row["duration"] is not None and row["kind"] != "satisfied":
        parts.append(f"{row['duration']:.1f} s")
    head = "  ".join(parts).rstrip()
    details = "  ".join(str(row[name]) for name in ("code", "detail", "evidence") if row[name])
    if out.width is None or len(head) + 2 + len(details) <= out.width:
        return f"{head}  {details}".rstrip()
    return f"{head}\n{out.wrap(details, ' ' * 22)}"


def newest_event() -> int:
    """Return the number of the latest event; 0 without one, or without a journal."""
    return max((row["seq"] for row in _recorded(last=1)), default=0)


def recorded_since(seen: int) -> list[dict[str, Any]]:
    """Return the events after that number; none without a readable journal, as while a new one is created."""
    return _recorded(after=seen)


def _recorded(**which: int) -> list[dict[str, Any]]:
    with suppress(OperatorError), reading(volume()) as journal:
        return events(journal, **which)
    return []


def findings(*, deep: bool) -> list[Any]:
    """Return what journal and probes (`deep`: audits) together say of every step."""
    from zflow.commands.product import bystander, product
    from zflow.walk.survey import survey

    around = bystander()
    try:
        with reading(volume()) as journal:
            known = records(journal)
    except OperatorError as error:
        if error.code is not NO_JOURNAL:
            raise
        known = {}
    return list(survey(product(), known, around, deep=deep))


def unhealthy(found: list[Any]) -> list[Any]:
    """Return the findings that need an action."""
    return [each for each in found if each.verdict not in {"holds", "found"}]


@click.command()
def plan() -> None:
    """Show what would run next, and why. Changes nothing."""
    due = [each for each in findings(deep=False) if each.verdict in {"due", "lost", "refused"}]
    if not due:
        click.echo("Nothing is due: the result of every step holds.")
    out = screen()
    for each in due:
        click.echo(out.cut(f"{each.step:<24} {each.title}"))
        click.echo(out.hang(f"{'':<24} because: ", each.why))


@click.command()
def verify() -> int:
    """Check the result of every step thoroughly, and the journal. Exit code 1 when a result does not hold."""
    check_chain()
    found = findings(deep=True)
    out = screen()
    for each in found:
        click.echo(told(each, out))
        for line in noticed(each, out):
            click.echo(line)
    bad = unhealthy(found)
    advice = " `zflow resume` repairs." if bad else ""
    click.echo(f"\n{len(found) - len(bad)} of {len(found)} steps hold.{advice}")
    return Exit.STOPPED if bad else Exit.VALID


def noticed(finding: Any, out: Screen) -> Iterator[str]:
    """Yield the notices of a step, and what zflow leaves to the operator."""
    for word, lines in (("notice", finding.notices), ("yours", finding.remarks)):
        mark = "" if out.width is None else "! " if word == "notice" else "  "
        for line in lines:
            yield out.hang(f"{mark}{finding.step:<24} {word:<8} ", line)


def told(finding: Any, out: Screen) -> str:
    """Return what was found of a step: what holds on one line, what does not in full.

    In a pipe, a line begins with the name of the step: signs are for people.
    """
    mark, style, word = VERDICTS[finding.verdict]
    head = f"{finding.step:<24} {word:<8} "
    if out.width is None:
        return f"{head}{finding.why}".rstrip()
    text = out.cut(f"{mark} {head}{finding.why}") if style == "good" else out.hang(f"{mark} {head}", finding.why)
    return text.replace(mark, out.paint(style, mark), 1)


def check_chain() -> None:
    """Raise OperatorError(JOURNAL_DAMAGED) when the journal differs from what its last commit left."""
    if not journal_file(volume()).exists():
        return
    with reading(volume(), unsealed=True) as journal:
        damage = wrong(journal)
    if damage is not None:
        raise OperatorError(JOURNAL_DAMAGED, damage)
