"""At a volume that another container holds a command that changes anything is refused; one that looks says so."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from zflow.commands.light import volume

WRITES = frozenset({
    "run", "resume", "pause", "reset-state", "shell", "install", "upgrade", "alert", "dkim rotate", "tls deploy",
    "journal rebuild",
})  # fmt: skip
"""Commands that change something on the volume, or may. With `--dry-run` they only look."""
LOCKLESS = frozenset({"shell", "alert", "dkim rotate", "tls deploy"})
"""Those of them that hold no lock of their own while they work."""
APART = frozenset({"status", "health", "version", "explain", "completion"})
"""Commands that say it in their own words, or look at no volume."""


def guard(command: click.Command, name: str = "") -> None:
    """Have each command below ask who holds the volume before it does anything."""
    if isinstance(command, click.Group):
        for word, each in command.commands.items():
            guard(each, f"{name} {word}".strip())
    elif command.callback is not None and name not in APART:
        command.callback = _asking(command.callback, name)


def _asking(callback: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(callback)
    def asking(*words: Any, **options: Any) -> Any:
        from zflow.supervise.lock import elsewhere, permit, working

        if name in LOCKLESS:
            with working(volume()):
                return callback(*words, **options)
        if name in WRITES and not options.get("dry_run"):
            permit(volume())
        elif elsewhere(volume()) is not None:
            click.echo(
                "NOTICE: the volume is held by another container; what runs there is not seen from here.",
                err=True,
            )
        return callback(*words, **options)

    return asking
