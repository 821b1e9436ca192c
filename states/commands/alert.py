"""`zflow alert`: whether the alerts about failed logins arrive."""

from __future__ import annotations

import click

from zflow.commands.kit import Exit, lockless, look


@click.command()
@click.option("--test", is_flag=True, required=True, help="Send one message that says it is a test.")
@lockless
def alert(*, test: bool) -> int:
    """Send a test alert to the address that receives alerts about failed logins."""
    from states.hardening.watching import test_alert

    assert test
    recipient = test_alert(look())
    click.echo(f"The mail server accepted a test message for {recipient}. Its subject begins with ABUSE: Test.")
    return Exit.VALID
