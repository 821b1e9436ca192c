"""`zflow install`: the vendor's own menu on a terminal, where the operator chose to answer it (ZFLOW_INSTALL)."""

from __future__ import annotations

import sys

import click

from zflow.commands.kit import Exit, exclusively, go_on, look, on_the_terminal, writes


@click.command()
@click.option("--again", is_flag=True, help="Discard what the menu configured before.")
@writes
def install(*, again: bool) -> int:
    """Open the vendor's menu on this terminal. Afterwards zflow takes over the server that the menu configured."""
    from states.install import menu

    ctx = look()
    if again:
        with exclusively():
            menu.give_up(ctx)
        return go_on(follow=True)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("the menu needs a terminal: podman exec -it NAME zflow install")
    with exclusively():
        menu.open_menu(ctx)
        click.echo("The vendor's menu follows. Do not change the host name; all other answers are your choice.\n")
        on_the_terminal(menu.command(ctx))
        verdict = menu.close_menu(ctx)
    click.echo(f"\n{verdict}")
    return go_on(follow=True) if menu.opened(ctx).exists() else Exit.STOPPED
