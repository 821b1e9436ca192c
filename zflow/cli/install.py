"""`zflow install`: the vendor's own menu on a terminal, where the operator wanted to answer it (ZFLOW_INSTALL)."""

from __future__ import annotations

import os
import signal
import sys

import click

from zflow.exits import Exit

PATIENCE = 5.0
"""Seconds to wait for a walker to let go of the volume."""
FROM_THE_KEYBOARD = {signal.SIGINT, signal.SIGQUIT}


@click.command()
@click.option("--again", is_flag=True, help="Throw away what the menu configured before.")
def install(*, again: bool) -> int:
    """Open the vendor's menu on this terminal; afterwards zflow takes over the server it configured."""
    from states.install import attended
    from zflow.cli.product import bystander
    from zflow.cli.steering import go_on
    from zflow.light import volume
    from zflow.lock import writing

    ctx = bystander().look()
    if again:
        with writing(volume(), PATIENCE):
            attended.give_up(ctx)
        return go_on(follow=True)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("the menu needs a terminal: podman exec -it NAME zflow install")
    with writing(volume(), PATIENCE):
        attended.open_menu(ctx)
        click.echo("The vendor's menu follows. Leave the host name as it is; everything else is yours to choose.\n")
        _on_the_terminal(attended.command(ctx))
        verdict = attended.close_menu(ctx)
    click.echo(f"\n{verdict}")
    return go_on(follow=True) if attended.opened(ctx).exists() else Exit.STOPPED


def _on_the_terminal(argv: tuple[str, ...]) -> None:
    """Run a command on this terminal to its end; what the keyboard sends is for the command alone."""
    from zflow.shell import PATH

    environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb")}
    before = {number: signal.signal(number, lambda *_: None) for number in FROM_THE_KEYBOARD}
    try:
        os.waitpid(os.posix_spawnp(argv[0], argv, environment, setsigdef=FROM_THE_KEYBOARD), 0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


COMMANDS = (install,)
