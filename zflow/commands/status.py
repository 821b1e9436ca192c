"""`zflow status`, once, live or until the walk ends; `health` and `version`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click

from zflow import __version__
from zflow.commands.guard import apart
from zflow.commands.light import health as tell_health
from zflow.commands.light import show_status, volume
from zflow.exits import Exit
from zflow.status import document
from zflow.status.steps import Document

PATIENCE = 10.0
"""Seconds that `status --wait` waits for the supervisor of a container that has just started."""
INTERVAL = 1.0
"""Seconds between two looks."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of that document.")
@click.option("--steps", is_flag=True, help="List every step, not only those that need attention now.")
@click.option("--watch", is_flag=True, help="Update continuously until Ctrl-C; in a pipe, print each change on a line.")
@click.option("--wait", is_flag=True, help="Wait until everything is valid or the walk has stopped.")
@click.option("--timeout", type=click.FloatRange(min=0), help="With --wait: wait at most this many seconds.")
@click.option("--no-color", is_flag=True, help="Without colour, as with NO_COLOR, in a pipe, or with TERM=dumb.")
@apart
def status(
    *, as_json: bool, schema: bool, steps: bool, watch: bool, wait: bool, timeout: float | None, no_color: bool
) -> int:
    """Show the current state, the progress, and what needs your action.

    A walk is one pass over all steps, in order. The exit code says how it stands.
    """
    if schema:
        click.echo((Path(document.__file__).parent / "schema.json").read_text(), nl=False)
        return Exit.VALID
    if timeout is not None and not wait:
        raise click.UsageError("--timeout needs --wait")
    if watch and as_json:
        raise click.UsageError("--watch shows text only; call `zflow status --json` repeatedly instead")
    colour = False if no_color else None
    ended = _end(timeout) if wait else lambda _document: False
    if watch:
        from zflow.commands.watch import follow

        return follow(ended, steps=steps, colour=colour)
    while wait and not ended(look()):
        time.sleep(INTERVAL)
    return show_status(as_json=as_json, steps=steps, colour=colour)


def look() -> Document:
    """Return the status now."""
    return document.gather(volume())


def _end(timeout: float | None) -> Callable[[Document], bool]:
    """Return what tells when the walk or the time has ended; a supervisor that is not there yet gets a moment."""
    began = time.monotonic()

    def ended(found: Document) -> bool:
        waited = time.monotonic() - began
        coming = found["runner"] == "absent" and waited < PATIENCE
        over = timeout is not None and waited >= timeout
        return over or not (coming or document.exit_code(found) == Exit.IN_PROGRESS)

    return ended


@click.command()
@click.argument("question", type=click.Choice(["startup", "live", "ready"]), default="live")
@apart
def health(question: str) -> int:
    """Answer by exit code 0 or 1: has a walk begun (startup), is zflow alive (live), does the server serve (ready)."""
    return tell_health(question)


@click.command()
@apart
def version() -> None:
    """Print zflow's version."""
    click.echo(f"zflow {__version__}")
