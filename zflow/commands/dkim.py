"""Commands about the keys that mail is signed with."""

from __future__ import annotations

import click

from zflow.exits import Exit


@click.group()
def dkim() -> None:
    """Look at the DKIM keys, and replace one."""


@dkim.command()
def show() -> int:
    """List each domain's key, and those replaced whose records are still needed."""
    from states.hardening.dkimkeys import known, retired
    from zflow.commands.product import bystander
    from zflow.host.clock import stamp

    ctx = bystander().look()
    keys = known(ctx)
    for key in keys:
        click.echo(f"{key.domain:<32} {key.selector:<40} {key.bits} bits")
    for each in retired(ctx):
        click.echo(f"{each.key.domain:<32} {each.key.selector:<40} replaced; publish until {stamp(each.until)[:10]}")
    if not keys:
        click.echo("There are no keys yet; `zflow status` tells how far the server is.")
    return Exit.VALID if keys else Exit.STOPPED


@dkim.command()
@click.argument("domain")
@click.option("--yes", is_flag=True, help="Do not ask.")
def rotate(domain: str, *, yes: bool) -> int:
    """Replace the key of DOMAIN. The new one signs at once: publish its record right away, and keep the former one."""
    from states.hardening import zone
    from states.hardening.dkim import rotate as replace
    from zflow.commands.product import bystander

    ctx = bystander().look()
    if not yes:
        click.confirm(f"Mail of {domain} will be signed with a new key at once. Go on?", abort=True)
    replace(ctx, domain.lower())
    wanted = [each for each in zone.records(ctx, (domain.lower(),)) if each.purpose == "dkim"]
    click.echo("To be in the DNS now; `zflow dns --check` looks whether it is:\n")
    click.echo(zone.zone_text(wanted), nl=False)
    return Exit.VALID


COMMANDS = (dkim,)
