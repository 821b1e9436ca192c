"""`zflow alert`: whether the alerts about failed logins arrive."""

from __future__ import annotations

import click

from zflow.exits import Exit


@click.command()
@click.option("--test", is_flag=True, required=True, help="Send one message that says it is a test.")
def alert(*, test: bool) -> int:
    """Have the watcher of failed logins write to its recipient."""
    from states.hardening.watching import test_alert
    from zflow.commands.product import bystander

    assert test
    recipient = test_alert(bystander().look())
    click.echo(f"A test message for {recipient} was handed to the mail server; its subject begins with ABUSE: Test.")
    return Exit.VALID


COMMANDS = (alert,)
