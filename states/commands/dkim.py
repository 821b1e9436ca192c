"""`zflow dkim`: the keys that mail is signed with."""

from __future__ import annotations

import click

from zflow.commands.kit import Exit, lockless, look


@click.group()
def dkim() -> None:
    """Show the DKIM keys, or replace one."""


@dkim.command()
def show() -> int:
    """List the key of each domain, and the replaced keys whose records are still needed."""
    from states.hardening.dkimkeys import known, retired
    from zflow.api import stamp

    ctx = look()
    keys = known(ctx)
    for key in keys:
        click.echo(f"{key.domain:<32} {key.selector:<40} {key.bits} bits")
    for each in retired(ctx):
        click.echo(f"{each.key.domain:<32} {each.key.selector:<40} replaced; publish until {stamp(each.until)[:10]}")
    if not keys:
        click.echo("There are no keys yet. `zflow status` shows the progress.")
    return Exit.VALID if keys else Exit.STOPPED


@dkim.command()
@click.argument("domain")
@click.option("--yes", is_flag=True, help="Do not ask.")
@lockless
def rotate(domain: str, *, yes: bool) -> int:
    """Replace the key of DOMAIN. The new key signs at once: publish its record now, and keep the old record."""
    from states.hardening import zone
    from states.hardening.dkim import rotate as replace

    ctx = look()
    if not yes:
        click.confirm(f"Mail from {domain} will be signed with a new key at once. Continue?", abort=True)
    replace(ctx, domain.lower())
    wanted = [each for each in zone.records(ctx, (domain.lower(),)) if each.purpose == "dkim"]
    click.echo("Publish these records now. `zflow dns --check` checks them:\n")
    click.echo(zone.zone_text(wanted), nl=False)
    return Exit.VALID
