"""Shells for tests without root: one that answers by a table, one that runs outside what should run inside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zflow.context import Context
from zflow.host.shell import Result, Shell

Answer = Callable[[tuple[str, ...]], "str | Exception"]


class Answering(Shell):
    """Runs nothing inside the Ubuntu: keeps the commands, and answers with a text or raises."""

    def __init__(self, root: Path, answer: Answer = lambda _argv: "") -> None:
        super().__init__(root=root, tag="test", log=lambda _line: None)
        self.answer = answer
        self.commands: list[tuple[str, ...]] = []

    def chroot(self, *argv: str, user: str | None = None, **options: object) -> Result:
        """Keep the command and answer it."""
        self.commands.append(argv)
        found = self.answer(argv)
        if isinstance(found, Exception):
            raise found
        return Result(0, found)


def commands(ctx: Context) -> list[tuple[str, ...]]:
    """Return what was run inside the Ubuntu, by an answering shell."""
    assert isinstance(ctx.shell, Answering)
    return ctx.shell.commands


class Outside(Shell):
    """Runs for real, but outside: what is under test is the reading of its output."""

    def __init__(self, root: Path) -> None:
        super().__init__(root=root, tag="test", log=lambda _line: None)

    def chroot(self, *argv: str, user: str | None = None, **options: object) -> Result:
        """Run the command on this machine."""
        return self.run(*argv, **options)  # type: ignore[arg-type]


def no_firewall(_ctx: Context) -> None:
    """Close nothing: there is no firewall."""
