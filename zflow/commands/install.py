"""`zflow install`: the vendor's own menu on a terminal, where the operator wanted to answer it (ZFLOW_INSTALL)."""

from __future__ import annotations

import sys

import click

from zflow.exits import Exit

PATIENCE = 5.0
"""Seconds to wait for a walker to let go of the volume."""


@click.command()
@click.option("--again", is_flag=True, help="Throw away what the menu configured before.")
def install(*, again: bool) -> int:
    """Open the vendor's menu on this terminal; afterwards zflow takes over the server it configured."""
    from states.install import menu
    from zflow.commands.light import volume
    from zflow.commands.product import bystander
    from zflow.commands.steering import go_on, on_the_terminal
    from zflow.supervise.lock import writing

    ctx = bystander().look()
    if again:
        with writing(volume(), PATIENCE):
            menu.give_up(ctx)
        return go_on(follow=True)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("the menu needs a terminal: podman exec -it NAME zflow install")
    with writing(volume(), PATIENCE):
        menu.open_menu(ctx)
        click.echo("The vendor's menu follows. Leave the host name as it is; everything else is yours to choose.\n")
        on_the_terminal(menu.command(ctx))
        verdict = menu.close_menu(ctx)
    click.echo(f"\n{verdict}")
    return go_on(follow=True) if menu.opened(ctx).exists() else Exit.STOPPED


COMMANDS = (install,)
