"""What the terminal can show: its width, and whether it wants colour."""

from __future__ import annotations

import os
import sys
from typing import IO, NamedTuple

STYLES = {"good": "32", "busy": "36", "warn": "33", "bad": "31", "dim": "2", "bold": "1"}
"""Select Graphic Rendition parameters (ECMA-48, 8.3.117): the terminal's own colours, legible on any background."""


class Screen(NamedTuple):
    """Where text goes. Without a `width` it is not a terminal, and nothing is cut or wrapped."""

    width: int | None = None
    colour: bool = False

    def paint(self, style: str, text: str) -> str:
        """Return the text in a style of the table; unchanged without colour."""
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if self.colour and text else text

    def cut(self, text: str, used: int = 0) -> str:
        """Return a text that fits on the line beside `used` columns; a shortened one ends with `…`."""
        return text if self.width is None else shortened(text, max(8, self.width - used))

    def wrap(self, text: str, indent: str = "") -> str:
        """Return a text wrapped and indented; in a pipe it stays one line."""
        if self.width is None:
            return indent + text
        import textwrap

        lines = [
            textwrap.fill(line, self.width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
            for line in text.splitlines()
        ]
        return "\n".join(lines)

    def hang(self, head: str, text: str) -> str:
        """Return a text beside a head, with its further lines indented; in a pipe on one line."""
        if self.width is None:
            return f"{head}{text}".rstrip()
        indent = min(len(head), self.width // 2)
        return head + self.wrap(text, " " * indent)[indent:] if text else head.rstrip()


PIPED = Screen()


def shortened(text: str, width: int) -> str:
    """Return a text of at most `width` columns."""
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def screen(stream: IO[str] | None = None, *, colour: bool | None = None) -> Screen:
    """Return what a stream can show, standard output by default; `colour` False is the operator's `--no-color`.

    There is no colour in a pipe, with `TERM=dumb`, or where NO_COLOR is set (no-color.org).
    """
    out = sys.stdout if stream is None else stream
    if not out.isatty():
        return PIPED
    plain = colour is False or os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return Screen(_width(out), not plain)


def _width(out: IO[str]) -> int:
    try:
        columns = os.get_terminal_size(out.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return max(40, columns or 80)
