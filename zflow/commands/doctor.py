"""`zflow doctor`: everything that is wrong, at once, and what the product adds."""

from __future__ import annotations

from collections.abc import Iterator

import click

from zflow.commands.light import volume
from zflow.commands.looking import check_chain, findings, noticed, told, unhealthy
from zflow.errors import OperatorError
from zflow.exits import Exit
from zflow.status.document import gather
from zflow.terminal.screen import Screen, screen
from zflow.terminal.words import counted


@click.command()
def doctor() -> int:
    """Check everything and list all findings. Then list what listens, and from where it can be reached."""
    out = screen()
    damage = None
    try:
        check_chain()
    except OperatorError as error:
        damage = error
    bad, notices = [*_walk(out)], []
    if damage is not None:
        bad.append(out.hang("✗ the journal: ", f"{damage}. What to do: {damage.code.remedy}"))
    try:
        found = findings(deep=True)
    except OperatorError as error:  # mistakes in the settings: no step can be checked without them
        if damage is None or error.code is not damage.code:
            bad.append(out.hang("✗ the steps cannot be checked: ", str(error)))
    else:
        bad += [told(each, out) for each in unhealthy(found)]
        notices = [line for each in found for line in noticed(each, out)]
    for line in (*bad, *notices):
        click.echo(line)
    click.echo(f"{counted(len(bad), 'finding')}; `zflow resume` repairs what it can.\n" if bad else "No findings.\n")
    for line in _more():
        click.echo(line)
    return Exit.STOPPED if bad else Exit.VALID


def _walk(out: Screen) -> Iterator[str]:
    """Yield why the walk has stopped, if it has; an unreadable journal is a separate finding."""
    document = gather(volume())
    if (problem := document["problem"]) and document["state"] != "unreadable":
        yield out.hang("✗ the walk: ", f"{problem['code']} {problem['detail']}. What to do: {problem['remedy']}")


def _more() -> Iterator[str]:
    """Yield what the product adds; with wrong settings there is nothing to ask."""
    from zflow.commands import product

    try:
        yield from product.product().doctor(product.bystander().look())
    except OperatorError:
        return
