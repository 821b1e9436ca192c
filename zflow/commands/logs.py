"""`zflow logs`: what the steps' programs printed, newest first or as it grows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import click

from zflow.commands.completion import complete_steps
from zflow.commands.light import volume
from zflow.journal.layout import home
from zflow.terminal.plain import plain

POLL = 0.5
"""Seconds between two looks at a growing log."""


@click.command()
@click.argument("step", required=False, shell_complete=complete_steps)
@click.option(
    "--lines", "-n", type=click.IntRange(min=0), default=60, help="Lines from the end, by default 60; 0: all."
)
@click.option("--follow", "-f", is_flag=True, help="Continue as the log grows, and with the log of the next attempt.")
def logs(step: str | None, *, lines: int, follow: bool) -> None:
    """Show the newest log, or the log of a STEP such as install.setup."""
    path = newest(step)
    content = path.read_bytes()
    click.echo(f"== {path}", err=True)
    for line in content.decode(errors="replace").splitlines()[-lines:]:
        click.echo(plain(line))
    if follow:
        for piece in _growing(step, path, len(content)):
            click.echo(plain(piece), nl=False)


def newest(step: str | None) -> Path:
    """Return the newest log, of any step or of that one.

    Raises click.UsageError when there is none; it names the steps that have a log.
    """
    folder = home(volume()) / "logs"
    steps = {path: f"{path.parent.name}.{path.name.split('.')[0]}" for path in folder.glob("*/*.log")}
    found = sorted((path for path in steps if step in {None, steps[path]}), key=lambda path: path.stat().st_mtime_ns)
    if not found:
        names = sorted(set(steps.values()))
        there = f"there are: {', '.join(names)}" if names else "there are no logs yet"
        raise click.UsageError(f"no log of {step or 'any step'} in {folder}; {there}")
    return found[-1]


def _growing(step: str | None, path: Path, read: int) -> Iterator[str]:
    """Yield what is added; when another log becomes the newest, as at the next attempt, continue there."""
    places = {path: read}
    while True:
        with path.open("rb") as file:
            file.seek(places[path])
            piece = file.read()
            places[path] = file.tell()
        if piece:
            yield piece.decode(errors="replace")
            continue
        if (other := newest(step)) != path:
            path = other
            places.setdefault(path, 0)
            click.echo(f"== {path}", err=True)
        else:
            time.sleep(POLL)
