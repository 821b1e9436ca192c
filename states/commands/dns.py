"""`zflow dns`: the records that the mail domains need, as text for the zone or compared with what is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zflow.commands.kit import Exit, counted, look

if TYPE_CHECKING:
    from states.hardening import zone
    from states.hardening.published import Finding


@click.command(short_help="Print or check the DNS records of the mail domains.")
@click.argument("domains", nargs=-1)
@click.option("--check", is_flag=True, help="Ask the zones' own name servers; exit code 1 when a record is wrong.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def dns(domains: tuple[str, ...], *, check: bool, as_json: bool) -> int:
    """Print the DNS records of all mail domains, or of DOMAINS; or check what is published."""
    import json
    from dataclasses import asdict

    from states.hardening import zone

    wanted = zone.records(look(), tuple(_domain(each) for each in domains))
    if not check:
        click.echo(
            json.dumps([asdict(each) for each in wanted], indent=2) if as_json else zone.zone_text(wanted), nl=False
        )
        return Exit.VALID
    found = _published(wanted)
    bad = sum(each.state != "right" for each in found)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
    else:
        for each in found:
            click.echo(f"{each.state:<8} {each.kind:<5} {each.name}  {each.why}".rstrip())
        hint = " `zflow dns` prints the records." if bad else ""
        click.echo(f"\n{counted(len(found), 'record')}, {len(found) - bad} correct.{hint}")
    return Exit.STOPPED if bad else Exit.VALID


def _domain(value: str) -> str:
    from zflow.api import host_name

    try:
        return host_name(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _published(wanted: list[zone.Record]) -> list[Finding]:
    import dns.resolver

    from states.hardening.published import Published

    return list(Published(dns.resolver.Resolver()).check(wanted))
