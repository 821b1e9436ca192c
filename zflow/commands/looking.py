"""Commands that look at what happened and what holds, and change nothing: history, plan, verify."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import click

from zflow.commands.light import volume
from zflow.exits import Exit
from zflow.terminal.screen import PIPED, Screen, screen

VERDICTS = {
    "holds": ("✓", "good", "valid"),
    "found": ("✓", "good", "found"),
    "due": ("○", "warn", "due"),
    "lost": ("✗", "bad", "LOST"),
    "refused": ("✗", "bad", "REFUSED"),
}
"""Mark, colour and word of what is said of a step; `found`: it holds although the journal does not say so yet."""


@click.command()
@click.option("--last", type=int, default=None, help="Only the last so many events.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def history(*, last: int | None, as_json: bool) -> None:
    """List what happened on this volume, oldest first."""
    import json

    from zflow.journal.reader import reading, stream

    out = screen()
    with reading(volume()) as journal:
        rows = stream(journal, last=last)
        pour(map(json.dumps, rows) if as_json else _described(rows, out))


def pour(lines: Iterable[str]) -> None:
    """Print any number of lines, many at once: to print a million one by one takes a minute."""
    waiting = iter(lines)
    while some := list(islice(waiting, 500)):
        click.echo("\n".join(some))


def _described(rows: Iterable[dict[str, Any]], out: Screen) -> Iterator[str]:
    """Yield each event for people, and where some in between are no longer there a line that says how many."""
    expected = None
    for row in rows:
        if expected is not None and row["seq"] != expected:
            yield f"… {row['seq'] - expected} events were pruned"
        expected = row["seq"] + 1
        yield describe(row, out)


def describe(row: dict[str, Any], out: Screen = PIPED) -> str:
    """Return one event for people: on one line, or, where that is too long, with its details below."""
    from zflow.host.clock import second

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
    """Return the number of the latest event; 0 where there is none, or no journal yet."""
    from zflow.errors import OperatorError
    from zflow.journal.reader import events, reading

    try:
        with reading(volume()) as journal:
            return max((row["seq"] for row in events(journal, last=1)), default=0)
    except OperatorError:
        return 0


def recorded_since(seen: int) -> list[dict[str, Any]]:
    """Return the events after that number; none from a journal that is only being made, as after one was put aside."""
    from zflow.errors import OperatorError
    from zflow.journal.reader import events, reading

    try:
        with reading(volume()) as journal:
            return events(journal, after=seen)
    except OperatorError:
        return []


def findings(*, deep: bool) -> list[Any]:
    """Return what journal and probes (`deep`: audits) say of every step together."""
    from zflow.codes import NO_JOURNAL
    from zflow.commands.product import bystander, product
    from zflow.errors import OperatorError
    from zflow.journal.reader import reading, records
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
    """Return the findings that somebody has to do something about."""
    return [each for each in found if each.verdict not in {"holds", "found"}]


@click.command()
def plan() -> None:
    """Tell what would run next and why, changing nothing."""
    due = [each for each in findings(deep=False) if each.verdict in {"due", "lost", "refused"}]
    if not due:
        click.echo("Nothing is due: every step's postcondition holds.")
    out = screen()
    for each in due:
        click.echo(out.cut(f"{each.step:<24} {each.title}"))
        click.echo(out.hang(f"{'':<24} because: ", each.why))


@click.command()
def verify() -> int:
    """Look thoroughly at every step's result. At the journal's chain too; exit code 1 when one does not hold."""
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
    """Yield what somebody should know of a step although nothing is wrong, and what is not zflow's."""
    for word, lines in (("notice", finding.notices), ("yours", finding.remarks)):
        mark = "" if out.width is None else "! " if word == "notice" else "  "
        for line in lines:
            yield out.hang(f"{mark}{finding.step:<24} {word:<8} ", line)


def told(finding: Any, out: Screen) -> str:
    """Return what was found of a step; what holds fits on a line, what does not is told whole.

    The marks are for eyes: in a pipe a line begins with the step's name.
    """
    mark, style, word = VERDICTS[finding.verdict]
    head = f"{finding.step:<24} {word:<8} "
    if out.width is None:
        return f"{head}{finding.why}".rstrip()
    text = out.cut(f"{mark} {head}{finding.why}") if style == "good" else out.hang(f"{mark} {head}", finding.why)
    return text.replace(mark, out.paint(style, mark), 1)


def check_chain() -> None:
    """Raise OperatorError(JOURNAL_DAMAGED) when the journal is not what its last commit left."""
    from zflow.codes import JOURNAL_DAMAGED
    from zflow.errors import OperatorError
    from zflow.journal.layout import journal_file
    from zflow.journal.reader import reading
    from zflow.journal.seal import wrong

    if not journal_file(volume()).exists():
        return
    with reading(volume(), unsealed=True) as journal:
        damage = wrong(journal)
    if damage is not None:
        raise OperatorError(JOURNAL_DAMAGED, damage)


COMMANDS = (history, plan, verify)
