"""`zflow config`: the value of each setting and its source, and an example of a settings file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import click

from zflow.commands.light import volume
from zflow.exits import Exit
from zflow.settings import Setting, Settings, load
from zflow.terminal.screen import Screen, screen


@click.command()
@click.option("--example", is_flag=True, help="Print an example of a settings file: every setting, commented out.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def config(*, example: bool, as_json: bool) -> int:
    """Show the value of each setting and its source. Secrets are hidden; all mistakes are reported at once."""
    from zflow.commands.product import environment, product

    table = product().settings
    if example:
        click.echo(example_file(table), nl=False)
        return Exit.VALID
    rows = effective(table, load(table, environment(), volume()))
    click.echo(json.dumps(rows, indent=2) if as_json else _table(rows, screen()))
    return Exit.VALID


def effective(table: Iterable[Setting[Any]], settings: Settings) -> list[dict[str, Any]]:
    """Return name, variable, value and source of every setting; a value that is not set is None, a secret `***`."""
    return [
        {
            "name": each.name,
            "variable": each.variable,
            "value": None if settings.source(each) == "not set" else shown(settings.get(each)),
            "source": settings.source(each),
        }
        for each in table
    ]


def shown(value: Any) -> str:
    """Return a value as an operator would write it, without a secret, such as a password in a URL."""
    if value is None:
        return "off"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(shown(each) for each in value)
    return re.sub(r"(://[^/@\s:]*:)[^/@\s]+@", r"\1***@", str(value))


def _table(rows: list[dict[str, Any]], out: Screen) -> str:
    """Return the settings that have a value first, each with its source, then the defaults."""
    wide = max((len(row["name"]) for row in rows), default=0) + 4
    groups: dict[str, list[str]] = {"Set": [], "By default": []}
    for row in rows:
        text = f"  {row['name']:<{wide - 2}}{row['value'] or '-'}"
        if row["source"] == "default":
            groups["By default"].append(out.cut(text))
        elif row["value"] is not None:
            groups["Set"] += [out.cut(text), out.paint("dim", f"{'':<{wide}}from {row['source']}")]
    unset = ", ".join(row["name"] for row in rows if row["value"] is None)
    parts = ["\n".join([out.paint("bold", name), *(lines or ["  nothing"])]) for name, lines in groups.items()]
    return "\n\n".join([*parts, out.paint("bold", "Not set") + "\n" + out.wrap(unset or "nothing", "  ")])


def example_file(table: Iterable[Setting[Any]]) -> str:
    """Return a settings file with every setting as a comment: its description, default and example."""
    parts = ["# Settings of zflow, as TOML. An environment variable takes precedence over this file.\n"]
    for each in table:
        default = "not set" if each.default is None else each.default or "empty"
        parts.append(
            f"# {each.about}\n# {each.variable} or {each.variable}_FILE; default: {default}\n"
            f"# {each.name} = {_as_toml(each)}\n"
        )
    return "\n".join(parts)


def _as_toml(setting: Setting[Any]) -> str:
    value = setting.parse(setting.example)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return json.dumps(re.split(r"[,\s]+", setting.example))
    return json.dumps(setting.example)
