"""`zflow status --watch`: redrawn in place on a terminal, a line for each change in a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import click

from zflow.commands.light import show_status, volume
from zflow.commands.looking import describe, newest_event, recorded_since
from zflow.exits import Exit
from zflow.host.clock import second
from zflow.status.document import exit_code, gather
from zflow.status.steps import Document
from zflow.status.view import as_text, headline
from zflow.terminal.screen import screen

INTERVAL = 1.0
"""Seconds between two looks."""

Ended = Callable[[Document], bool]


def follow(ended: Ended, *, steps: bool, colour: bool | None) -> int:
    """Show the status until `ended` says so, or until Ctrl-C, which gives exit code 0."""
    drawn = screen(colour=colour).width is not None
    code = Exit.VALID
    with suppress(KeyboardInterrupt):
        code = exit_code(_draw(ended, steps=steps, colour=colour) if drawn else _tell(ended))
    if drawn:
        show_status(as_json=False, steps=steps, colour=colour)
    return code


def _draw(ended: Ended, *, steps: bool, colour: bool | None) -> Document:
    """Redraw on the terminal's second screen, so that the first stays as it was; what is too high is cut."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(no_color=colour is False, highlight=False)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            document = gather(volume())
            text = Text.from_ansi(as_text(document, screen(colour=colour), steps=steps), no_wrap=True)
            live.update(text, refresh=True)
            if ended(document):
                return document
            time.sleep(INTERVAL)


def _tell(ended: Ended) -> Document:
    """Print the headline whenever it changes, and each event."""
    shown, seen = "", newest_event()
    while True:
        document = gather(volume())
        if (line := headline(document)) != shown:
            shown = line
            click.echo(f"{second(time.time())}  {line}")
        for row in recorded_since(seen):
            seen = row["seq"]
            click.echo(describe(row))
        if ended(document):
            return document
        time.sleep(INTERVAL)
