"""Commands about the network: the firewall's rules beside what they met."""

from __future__ import annotations

import click

from zflow.exits import Exit


@click.group()
def firewall() -> None:
    """Look at the firewall."""


@firewall.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def show(*, as_json: bool) -> int:
    """Show the rules in order with what each has met; exit code 1 when the table is not as it was loaded."""
    import json
    from dataclasses import asdict

    from states.firewall import intact, report
    from zflow.commands.product import bystander

    ctx = bystander().look()
    rows, loaded = report(ctx), intact(ctx)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in rows], indent=2))
    else:
        chain = None
        for each in rows:
            if each.chain != chain:
                chain = each.chain
                click.echo(f"\n{chain}")
            met = "-" if each.packets is None else f"{each.packets}"
            click.echo(f"  {each.verdict:<7}{met:>12}  {each.counter:<18} {each.about}")
        click.echo("\nLoaded as it should be." if loaded else "\nNOT loaded as it should be: `zflow resume` repairs.")
    return Exit.VALID if loaded else Exit.STOPPED


COMMANDS = (firewall,)
