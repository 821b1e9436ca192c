"""`make docs`: writes the generated pages of this folder from the tables that the code itself uses."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from states.product import PRODUCT
from zflow.codes import ENGINE_CODES
from zflow.commands.group import group
from zflow.commands.guard import leaves
from zflow.commands.product import product
from zflow.errors import Code
from zflow.settings import Setting
from zflow.step import Scope, Step
from zflow.walk.diagram import MEANING, as_mermaid

FOLDER = Path(__file__).parent
HEADING = "| step | what it brings about | lasts | weight |\n|---|---|---|---|\n"
NOTE = "<!-- Made by `make docs`; change the code, not this file. -->\n\n"


SETTINGS = """\
A setting `name` is read from, the first found wins: the environment variable `ZFLOW_NAME`; the file that
`ZFLOW_NAME_FILE` names; the key `name` of the settings file, TOML, `app/settings.toml` on the volume or where
`ZFLOW_SETTINGS_FILE` says; its default. All mistakes are reported at once, unknown names with the nearest one.
`zflow config` shows each value and where it came from, `zflow config --example` prints a settings file to begin with.
`ZFLOW_VOLUME` says where the volume is, `/data` unless it is set.

| setting | default | example | what it decides |
|---|---|---|---|
"""
ERRORS = """\
A code is stable: 1xxx engine, 20xx bootstrap, 21xx updates, 3xxx install, 4xxx firewall, 5xxx TLS and Diffie-Hellman,
6xxx hardening, 7xxx upgrade. `zflow explain ZF-nnnn` says the same in the container. Where a step stopped,
`zflow status` names its log, which has the output of its commands.
"""
STATES = """\
A step lasts as long as the volume, or until the container ends (*each start*). zflow never builds a *once* step again
automatically. An *ahead* step begins with the walk, in the background. The weight is the usual time of the step
at the first start, in seconds; the estimate of the time left comes from it.
"""


def settings_page(table: Iterable[Setting[Any]]) -> str:
    """Return the reference of all settings."""
    rows = []
    for each in table:
        default = "not set" if each.default is None else f"`{each.default}`" if each.default else "empty"
        rows.append(f"| `{each.variable}` | {_cell(default)} | `{_cell(each.example)}` | {_cell(each.about)} |\n")
    return "".join(["# Settings\n\n", NOTE, SETTINGS, *rows])


def errors_page(codes: Iterable[Code]) -> str:
    """Return the reference of all error codes."""
    parts = [
        f"\n## {each.id}\n\n**{each.title}**\n\n{each.cause}\n\nWhat to do: {each.remedy}\n"
        for each in sorted(codes, key=lambda code: code.id)
    ]
    return "".join(["# Error codes\n\n", NOTE, ERRORS, *parts])


def states_page() -> str:
    """Return the machine and the steps of each state."""
    diagram = as_mermaid([state.name for state in PRODUCT.states])
    moves = "".join(f"* `{trigger}`: {meaning}\n" for trigger, meaning in MEANING.items())
    parts = ["# States and steps\n\n", NOTE, f"```mermaid\n{diagram}\n```\n\n", moves, "\n", STATES]
    for state in PRODUCT.states:
        parts.append(f"\n## {state.name}: {state.title}\n\n{HEADING}")
        parts += [f"| `{step.name}` | {step.title} | {_lasting(step)} | {step.weight:g} |\n" for step in state.steps]
    return "".join(parts)


def _lasting(step: Step) -> str:
    marks = [name for name, wanted in (("once", step.once), ("ahead", step.ahead)) if wanted]
    return ", ".join(["each start" if step.scope is Scope.BOOT else "volume", *marks])


def commands_page() -> str:
    """Return the help of every command."""
    commands = [_command(command, f"zflow {name}") for name, command in leaves(group) if not command.hidden]
    return "".join(["# Commands\n\n", NOTE, f"{group.epilog}\n", *commands])


def _command(command: click.Command, path: str) -> str:
    """Return a command's own words; not click's layout, which differs from one of its releases to the next."""
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    options = [each for each in command.params if isinstance(each, click.Option)]
    usage = " ".join([path, *(["[OPTIONS]"] if options else []), *map(_argument, arguments)])
    about = " ".join((command.help or "").split())
    rows = [f"| {_option(each)} | {_cell(each.help or '')} |\n" for each in options]
    table = ["\n| option | what it does |\n|---|---|\n", *rows] if rows else []
    return "".join([f"\n## {path}\n\n`{usage}`\n\n{about}\n", *table])


def _argument(found: click.Argument) -> str:
    name = f"{(found.name or '').upper()}{'...' if found.nargs < 0 else ''}"
    return name if found.required else f"[{name}]"


def _option(found: click.Option) -> str:
    kind = found.type
    values = "" if found.is_flag else f" {kind.name.split()[0].upper()}"
    if isinstance(kind, click.Choice):
        values = f" {', '.join(map(str, kind.choices))}"
    return ", ".join(f"`{name}{values}`" for name in found.opts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def pages() -> dict[str, str]:
    """Return every generated page by its file's name."""
    return {
        "settings.md": settings_page(product().settings),
        "errors.md": errors_page((*ENGINE_CODES, *PRODUCT.codes)),
        "states.md": states_page(),
        "cli.md": commands_page(),
    }


def main() -> None:
    """Write the pages."""
    for name, content in pages().items():
        (FOLDER / name).write_text(content)


if __name__ == "__main__":
    main()
