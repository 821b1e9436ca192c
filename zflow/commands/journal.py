"""`zflow journal`: checks the chain of events, and sets a damaged journal aside."""

from __future__ import annotations

import click

from zflow.commands.guard import writes
from zflow.commands.light import volume
from zflow.commands.looking import check_chain
from zflow.exits import Exit
from zflow.journal.reader import events, pruned, reading
from zflow.terminal.words import counted


@click.group()
def journal() -> None:
    """Verify the journal, or rebuild a damaged one."""


@journal.command()
def verify() -> int:
    """Check every event of the journal against its chain of hashes. Exit code 5 when the journal is damaged."""
    check_chain()
    with reading(volume()) as opened:
        newest, gone = events(opened, last=1), pruned(opened)
    count = newest[0]["seq"] if newest else 0
    pruned_ones = f", {gone} of them pruned; the chain covers the gaps" if gone else ""
    click.echo(f"The journal is intact: {counted(count, 'event')}{pruned_ones}.")
    return Exit.VALID


@journal.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@writes
def rebuild(*, yes: bool) -> int:
    """Set the journal aside. The next walk checks what is on the volume; nothing else is changed."""
    from zflow.walk.aside import put_aside

    click.echo("The history moves to .zflow/copies and is no longer shown. Mail, settings and secrets stay.")
    if not yes:
        click.confirm("Set the journal aside?", abort=True)
    click.echo(f"The journal is now in {put_aside(volume())}. Start the container again: it checks every step.")
    return Exit.VALID
