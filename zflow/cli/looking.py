"""Commands that look at what happened and what holds, and change nothing: history, plan, verify."""

from __future__ import annotations

from typing import Any

import click

from zflow.exits import Exit
from zflow.light import volume

VERDICTS = {
    "holds": "valid",
    "found": "holds, not yet in the journal",
    "due": "due",
    "lost": "LOST",
    "refused": "REFUSED",
}


@click.command()
@click.option("--last", type=int, default=None, help="Only the last so many events.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def history(*, last: int | None, as_json: bool) -> None:
    """List what happened on this volume, oldest first."""
    import json

    from zflow.journal.reader import events, reading

    with reading(volume()) as journal:
        for row in events(journal, last=last):
            click.echo(json.dumps(row, ensure_ascii=False) if as_json else describe(row))


def describe(row: dict[str, Any]) -> str:
    """Return one event as a line for people."""
    from zflow.clock import stamp

    subject = row["step"] or row["state"] or "walk"
    parts = [stamp(row["at"])[:19] + "Z", f"{subject:<28}", f"{row['kind']:<11}"]
    if row["attempt"] and row["kind"] != "satisfied":
        parts.append(f"#{row['attempt']}")
    if row["duration"] is not None:
        parts.append(f"{row['duration']:.1f} s")
    parts += [str(row[name]) for name in ("code", "detail", "evidence") if row[name]]
    return "  ".join(parts).rstrip()


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
    from zflow.cli.product import bystander, product
    from zflow.codes import NO_JOURNAL
    from zflow.errors import OperatorError
    from zflow.journal.reader import reading, steps
    from zflow.walk.survey import survey

    around = bystander()
    try:
        with reading(volume()) as journal:
            statuses = {row["name"]: row for row in steps(journal)}
    except OperatorError as error:
        if error.code is not NO_JOURNAL:
            raise
        statuses = {}
    return list(survey(product(), statuses, around, deep=deep))


def unhealthy(found: list[Any]) -> list[Any]:
    """Return the findings that somebody has to do something about."""
    return [each for each in found if each.verdict not in {"holds", "found"}]


@click.command()
def plan() -> None:
    """Tell what would run next and why, changing nothing."""
    due = [each for each in findings(deep=False) if each.verdict in {"due", "lost", "refused"}]
    if not due:
        click.echo("Nothing is due: every step's postcondition holds.")
    for each in due:
        click.echo(f"{each.step:<28} {each.title}\n{'':<28} because: {each.why}")


@click.command()
def verify() -> int:
    """Look at the journal's chain and, thoroughly, at every step's result; exit code 1 when one does not hold."""
    check_chain()
    found = findings(deep=True)
    for each in found:
        click.echo(f"{each.step:<28} {VERDICTS[each.verdict]:<10} {each.why}")
        for notice in each.notices:
            click.echo(f"{'':<28} {'notice':<10} {notice}")
    bad = unhealthy(found)
    advice = " `zflow resume` repairs." if bad else ""
    click.echo(f"\n{len(found) - len(bad)} of {len(found)} steps hold.{advice}")
    return Exit.STOPPED if bad else Exit.VALID


def check_chain() -> None:
    """Raise OperatorError(JOURNAL_DAMAGED) when an event does not follow from the one before it."""
    from zflow.codes import JOURNAL_DAMAGED
    from zflow.errors import OperatorError
    from zflow.journal.layout import journal_file
    from zflow.journal.reader import broken_link, reading

    if not journal_file(volume()).exists():
        return
    with reading(volume()) as journal:
        broken = broken_link(journal)
    if broken is not None:
        raise OperatorError(JOURNAL_DAMAGED, f"event {broken} does not follow from the one before it")


COMMANDS = (history, plan, verify)
