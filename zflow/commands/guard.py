"""At a volume that another container holds, a command that changes anything is refused; one that looks says so."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, TypeVar

import click

from zflow.commands.light import volume

Callback = TypeVar("Callback", bound=Callable[..., Any])


class Access(Enum):
    """What a command does to the volume."""

    LOOKS = "reads, and says when another container holds the volume"
    WRITES = "changes something, or may, and takes a lock itself; with `--dry-run` it only looks"
    LOCKLESS = "changes something and takes no lock itself: one is held for it"
    APART = "looks at no volume, or says in its own words who holds it"


_ACCESS: dict[Callable[..., Any], Access] = {}


def _marking(access: Access) -> Callable[[Callback], Callback]:
    def mark(callback: Callback) -> Callback:
        _ACCESS[callback] = access
        return callback

    return mark


writes, lockless, apart = map(_marking, (Access.WRITES, Access.LOCKLESS, Access.APART))


def access(command: click.Command) -> Access:
    """Return what a command does to the volume; one that is not marked looks."""
    assert command.callback is not None
    return _ACCESS.get(inspect.unwrap(command.callback), Access.LOOKS)


def leaves(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield each command of a group, sorted, with all words of its name."""
    if isinstance(command, click.Group):
        for word, each in sorted(command.commands.items()):
            yield from leaves(each, f"{name} {word}".strip())
    else:
        yield name, command


def guard(group: click.Group) -> None:
    """Have each command of a group ask who holds the volume before it does anything."""
    for _, each in leaves(group):
        kind = access(each)
        if kind is not Access.APART:
            assert each.callback is not None
            each.callback = _asking(each.callback, kind)


def _asking(callback: Callable[..., Any], kind: Access) -> Callable[..., Any]:
    @functools.wraps(callback)
    def asking(*words: Any, **options: Any) -> Any:
        from zflow.supervise.lock import elsewhere, permit, working

        if kind is Access.LOCKLESS:
            with working(volume()):
                return callback(*words, **options)
        if kind is Access.WRITES and not options.get("dry_run"):
            permit(volume())
        elif elsewhere(volume()) is not None:
            click.echo(
                "NOTICE: the volume is held by another container; what runs there cannot be seen from here.",
                err=True,
            )
        return callback(*words, **options)

    return asking
