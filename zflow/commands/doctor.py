"""`zflow doctor`: all that is wrong, at once, and what can be reached from outside."""

from __future__ import annotations

from collections.abc import Iterator

import click

from zflow.commands.light import volume
from zflow.errors import OperatorError
from zflow.exits import Exit
from zflow.terminal.screen import Screen, screen


@click.command()
def doctor() -> int:
    """Look at everything and list all findings at once. Then what listens, and from where it can be reached."""
    from zflow.commands.looking import findings, noticed, told, unhealthy

    out = screen()
    damage = _damage()
    bad, notices = [*_walk(out)], []
    if damage is not None:
        bad.append(out.hang("✗ the journal: ", f"{damage}. What to do: {damage.code.remedy}"))
    try:
        found = findings(deep=True)
    except OperatorError as error:  # mistakes in the settings, without which no step can be looked at
        if damage is None or error.code is not damage.code:
            bad.append(out.hang("✗ the steps cannot be looked at: ", str(error)))
    else:
        bad += [told(each, out) for each in unhealthy(found)]
        notices = [line for each in found for line in noticed(each, out)]
    for line in (*bad, *notices):
        click.echo(line)
    noun = "finding" if len(bad) == 1 else "findings"
    click.echo(f"{len(bad)} {noun}; `zflow resume` repairs what it can.\n" if bad else "No findings.\n")
    for line in _more():
        click.echo(line)
    return Exit.STOPPED if bad else Exit.VALID


def _walk(out: Screen) -> Iterator[str]:
    """Yield why the walk stands still, if it does; a journal that cannot be read is a finding of its own."""
    from zflow.status.document import gather

    document = gather(volume())
    if (problem := document["problem"]) and document["state"] != "unreadable":
        yield out.hang("✗ the walk: ", f"{problem['code']} {problem['detail']}. What to do: {problem['remedy']}")


def _damage() -> OperatorError | None:
    """Return what is wrong with the journal, if anything."""
    from zflow.commands.looking import check_chain

    try:
        check_chain()
    except OperatorError as error:
        return error
    return None


def _more() -> Iterator[str]:
    """Yield what the product adds; with wrong settings there is nothing to ask."""
    from zflow.commands import product

    try:
        yield from product.product().doctor(product.bystander().look())
    except OperatorError:
        return


COMMANDS = (doctor,)
