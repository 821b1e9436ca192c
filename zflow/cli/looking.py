"""Commands that look and change nothing: status, health, history, plan, verify, logs, explain, version."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from zflow.exits import Exit
from zflow.light import health as tell_health
from zflow.light import show_status, volume

PATIENCE = 10.0
"""Seconds that `status --wait` gives a container to start."""
VERDICTS = {
    "holds": "valid",
    "found": "holds, not yet in the journal",
    "due": "due",
    "lost": "LOST",
    "refused": "REFUSED",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document (schema in zflow/status.schema.json).")
@click.option("--wait", is_flag=True, help="Wait until all is valid, or something stops it.")
@click.option("--timeout", type=float, help="Wait at most so many seconds.")
def status(*, as_json: bool, wait: bool, timeout: float | None) -> int:
    """Show where the walk is, what it is doing, and what you must do."""
    if wait:
        _wait(timeout if timeout is not None else float("inf"))
    return show_status(as_json=as_json)


def _wait(timeout: float) -> None:
    """Return when the walk has ended; a runner that is not there yet is given a moment to come."""
    from zflow import status as light

    began = time.monotonic()
    while (waited := time.monotonic() - began) < timeout:
        document = light.gather(volume())
        coming = document["runner"] == "absent" and waited < PATIENCE
        if not coming and light.exit_code(document) != Exit.IN_PROGRESS:
            return
        time.sleep(1)


@click.command()
def health() -> int:
    """Say whether the runner is alive (exit code 0) or not (1)."""
    return tell_health()


@click.command()
def version() -> None:
    """Print zflow's version."""
    from zflow import __version__

    click.echo(f"zflow {__version__}")


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


@click.command()
@click.argument("step", required=False)
@click.option("--lines", "-n", type=int, default=60, show_default=True, help="So many lines from the end; 0: all.")
@click.option("--follow", "-f", is_flag=True, help="Go on as the log grows.")
def logs(step: str | None, *, lines: int, follow: bool) -> None:
    """Show the newest log, or that of a STEP such as install.setup."""
    path = _newest_log(step)
    with path.open(encoding="utf-8", errors="replace") as file:
        content = file.read().splitlines()
        click.echo(f"== {path}", err=True)
        for line in content[-lines:] if lines else content:
            click.echo(line)
        while follow:
            line = file.readline()
            click.echo(line, nl=False) if line else time.sleep(0.5)


def _newest_log(step: str | None) -> Path:
    from zflow.journal.layout import home

    folder = home(volume()) / "logs"
    pattern = "*/*.log" if step is None else "{0}/{2}.*.log".format(*step.partition("."))
    found = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime)
    if not found:
        names = sorted({f"{path.parent.name}.{path.name.split('.')[0]}" for path in folder.glob("*/*.log")})
        raise click.UsageError(f"no log of {step or 'any step'} in {folder}; there are: {', '.join(names) or 'none'}")
    return found[-1]


@click.command()
@click.argument("code")
def explain(code: str) -> int:
    """Explain an error CODE such as ZF-1005."""
    from zflow.cli.product import product
    from zflow.codes import ENGINE_CODES

    table = {each.id: each for each in (*ENGINE_CODES, *product().codes)}
    found = table.get(code.upper())
    if found is None:
        print(f"there is no code {code}; known: {', '.join(sorted(table))}", file=sys.stderr)
        return Exit.USAGE
    click.echo(f"{found.id}  {found.title}\n\nCause:  {found.cause}\nRemedy: {found.remedy}")
    return Exit.VALID


COMMANDS = (status, health, history, plan, verify, logs, explain, version)
