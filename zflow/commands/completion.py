"""Completion in the shell: click's own scripts, and the names of states, steps and codes."""

from __future__ import annotations

import contextlib
import os

import click
from click.shell_completion import CompletionItem, get_completion_class, shell_complete

from zflow.commands.guard import apart
from zflow.commands.light import volume
from zflow.errors import OperatorError
from zflow.exits import Exit
from zflow.journal.reader import reading, steps

VARIABLE = "_ZFLOW_COMPLETE"
"""The variable by which the shell's script asks (click: Shell Completion)."""
SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
@apart
def completion(context: click.Context, shell: str) -> int:
    """Print a completion script for the start-up file of your SHELL."""
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(context.find_root().command, {}, "zflow", VARIABLE).source())
    return Exit.VALID


def asked(group: click.Command) -> int | None:
    """Answer the shell's script; None when it does not ask."""
    instruction = os.environ.get(VARIABLE)
    return None if instruction is None else shell_complete(group, {}, "zflow", VARIABLE, instruction)


def complete_steps(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Offer the steps of the journal, with their titles."""
    return [CompletionItem(name, help=title) for name, (_, title) in _listed().items() if name.startswith(begun)]


def complete_states(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Offer the states of the journal."""
    names = dict.fromkeys(state for state, _ in _listed().values())
    return [CompletionItem(name) for name in names if name.startswith(begun)]


def complete_codes(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Offer the error codes, with their titles."""
    from zflow.commands.explain import table

    return [CompletionItem(name, help=code.title) for name, code in table().items() if name.startswith(begun.upper())]


def _listed() -> dict[str, tuple[str, str]]:
    """Return state and title of each step; without a readable journal there is nothing to offer."""
    with contextlib.suppress(OperatorError), reading(volume()) as journal:
        return {row["name"]: (row["state"], row["title"]) for row in steps(journal)}
    return {}
