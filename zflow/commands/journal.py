"""Commands about the journal itself: is its chain whole, and what to do when it is damaged."""

from __future__ import annotations

import click

from zflow.commands.guard import writes
from zflow.commands.light import volume
from zflow.exits import Exit


@click.group()
def journal() -> None:
    """Look at the journal, or put a damaged one aside."""


@journal.command()
def verify() -> int:
    """Check that the journal is what its last commit left, event by event; exit code 5 when it is not."""
    from zflow.commands.looking import check_chain
    from zflow.journal.reader import events, pruned, reading

    check_chain()
    with reading(volume()) as opened:
        newest, gone = events(opened, last=1), pruned(opened)
    count = newest[0]["seq"] if newest else 0
    told = f"; {gone} of them were pruned, and what follows them is proven to follow" if gone else ""
    click.echo(f"The journal is whole: {count} events{told}.")
    return Exit.VALID


@journal.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@writes
def rebuild(*, yes: bool) -> int:
    """Put the journal aside; the next walk finds out from the volume itself what is there. Nothing else is touched."""
    from zflow.walk.aside import put_aside

    click.echo("The history so far is kept in .zflow/copies and shown no more. Mail, settings and secrets stay.")
    if not yes:
        click.confirm("Put the journal aside?", abort=True)
    click.echo(f"It lies in {put_aside(volume())}. Start the container again: it looks at everything anew.")
    return Exit.VALID


COMMANDS = (journal,)
