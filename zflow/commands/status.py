"""Where the walk is: status, once, live or until it ends; health and version."""

from __future__ import annotations

import time
from collections.abc import Callable

import click

from zflow.commands.guard import apart
from zflow.commands.light import health as tell_health
from zflow.commands.light import show_status, volume
from zflow.exits import Exit
from zflow.status.steps import Document

PATIENCE = 10.0
"""Seconds that `status --wait` gives a container to start."""
INTERVAL = 1.0
"""Seconds between two looks."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document (schema in zflow/status/schema.json).")
@click.option("--steps", is_flag=True, help="List every step, not only those that matter now.")
@click.option("--watch", is_flag=True, help="Show it as it goes, until Ctrl-C; in a pipe a line for each change.")
@click.option("--wait", is_flag=True, help="Wait until all is valid, or something stops it.")
@click.option("--timeout", type=click.FloatRange(min=0), help="With --wait: at most so many seconds.")
@click.option("--no-color", is_flag=True, help="No colour; as with NO_COLOR, in a pipe, or with TERM=dumb.")
@apart
def status(*, as_json: bool, steps: bool, watch: bool, wait: bool, timeout: float | None, no_color: bool) -> int:
    """Show where the walk is, and what you must do. Since when and how long still; the exit code says it too."""
    if timeout is not None and not wait:
        raise click.UsageError("--timeout says how long to --wait; it does nothing alone")
    if watch and as_json:
        raise click.UsageError("--watch shows text; ask for --json again and again instead")
    colour = False if no_color else None
    ended = _end(timeout) if wait else _never
    if watch:
        from zflow.commands.watch import follow

        return follow(ended, steps=steps, colour=colour)
    while wait and not ended(_look()):
        time.sleep(INTERVAL)
    return show_status(as_json=as_json, steps=steps, colour=colour)


def _look() -> Document:
    from zflow.status.document import gather

    return gather(volume())


def _never(_document: Document) -> bool:
    return False


def _end(timeout: float | None) -> Callable[[Document], bool]:
    """Return what tells when the walk or the time has ended; a runner that is not there yet gets a moment to come."""
    from zflow.status.document import exit_code

    began = time.monotonic()

    def ended(document: Document) -> bool:
        waited = time.monotonic() - began
        coming = document["runner"] == "absent" and waited < PATIENCE
        over = timeout is not None and waited >= timeout
        return over or not (coming or exit_code(document) == Exit.IN_PROGRESS)

    return ended


@click.command()
@click.argument("question", type=click.Choice(["startup", "live", "ready"]), default="live")
@apart
def health(question: str) -> int:
    """Say whether a walk has begun (startup), the runner is alive (live), the server serves (ready).

    Exit code 0 or 1.
    """
    return tell_health(question)


@click.command()
@apart
def version() -> None:
    """Print zflow's version."""
    from zflow import __version__

    click.echo(f"zflow {__version__}")


COMMANDS = (status, health, version)
