"""`zflow doctor`: all that is wrong, at once, and what can be reached from outside."""

from __future__ import annotations

import click

from zflow.exits import Exit


@click.command()
def doctor() -> int:
    """Look at everything and list all findings at once, then what listens and from where it can be reached."""
    from zflow.cli.looking import findings, unhealthy

    found = findings(deep=True)
    bad = unhealthy(found)
    for each in bad:
        click.echo(f"{each.step}: {each.why}")
    for each in found:
        for notice in each.notices:
            click.echo(f"{each.step}: notice: {notice}")
    click.echo(f"{len(bad)} findings; `zflow resume` repairs what it can.\n" if bad else "No findings.\n")
    _listeners()
    return Exit.STOPPED if bad else Exit.VALID


def _listeners() -> None:
    from states.firewall import exposure
    from zflow.cli.product import bystander

    click.echo(f"{'listens at':<34}{'program':<18}reached from")
    for each in exposure(bystander().look()):
        address = f"[{each.address}]" if ":" in each.address else each.address
        reach = ", ".join(each.reach) or "this machine only"
        click.echo(f"{f'{each.protocol} {address}:{each.port}':<34}{each.program or '?':<18}{reach}")


COMMANDS = (doctor,)
