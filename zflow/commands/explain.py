"""`zflow explain`: cause and remedy of an error code."""

from __future__ import annotations

import difflib
import re

import click

from zflow.codes import ENGINE_CODES
from zflow.commands.completion import complete_codes
from zflow.commands.guard import apart
from zflow.errors import Code
from zflow.exits import Exit
from zflow.terminal.screen import screen


def table() -> dict[str, Code]:
    """Return every error code by its id."""
    from zflow.commands.product import product

    return {each.id: each for each in sorted((*ENGINE_CODES, *product().codes), key=lambda each: each.id)}


@click.command()
@click.argument("code", required=False, shell_complete=complete_codes)
@apart
def explain(code: str | None) -> int:
    """Show cause and remedy of an error CODE such as ZF-1005; without CODE, list all codes."""
    known, out = table(), screen()
    if code is None:
        for each in known.values():
            click.echo(out.cut(f"{each.id}  {each.title}"))
        return Exit.VALID
    found = known.get(_whole(code))
    if found is None:
        near = [name for name in known if name[:-1] == _whole(code)[:-1]]
        near = near or difflib.get_close_matches(_whole(code), known, n=3)
        hint = f"; similar: {', '.join(near)}" if near else ""
        click.echo(out.wrap(f"There is no code {code!r}{hint}. `zflow explain` lists all codes."), err=True)
        return Exit.USAGE
    click.echo(f"{found.id}  {found.title}\n")
    for word, text in (("Cause", found.cause), ("What to do", found.remedy)):
        click.echo(f"{word}:\n{out.wrap(text, '  ')}")
    return Exit.VALID


def _whole(code: str) -> str:
    """Return the id that the operator means: `zf1005`, `ZF 1005` and `1005` are ZF-1005."""
    digits = re.fullmatch(r"(?:ZF)?[-_ ]?(\d{4})", code.strip(), re.IGNORECASE)
    return f"ZF-{digits[1]}" if digits else code.strip().upper()
