"""`zflow firewall`: the rules, each with the packets that it has matched."""

from __future__ import annotations

import click

from zflow.commands.kit import Exit, look


@click.group()
def firewall() -> None:
    """Show the firewall."""


@firewall.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def show(*, as_json: bool) -> int:
    """Show the rules in order, each with the packets it has matched. Exit code 1 when the loaded table was changed."""
    import json
    from dataclasses import asdict

    from states.firewall import intact, report

    ctx = look()
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
        click.echo(
            "\nThe table is loaded as zflow wrote it."
            if loaded
            else "\nThe table is NOT loaded as zflow wrote it; `zflow resume` repairs it."
        )
    return Exit.VALID if loaded else Exit.STOPPED
