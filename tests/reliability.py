"""The page that keeps what was tried: each matrix between its own marks, renewed by the command that they name."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs/reliability.md"
END = "<!-- end of the matrix -->\n"


def kept(command: str, page: Path = PAGE) -> str:
    """Return the table that a command, as `make crash`, wrote last."""
    return _parts(command, page)[1]


def keep(command: str, table: str, page: Path = PAGE) -> None:
    """Put a command's table in the place of its last one."""
    before, _, after = _parts(command, page)
    page.write_text(f"{before}{table}{after}")


def _parts(command: str, page: Path) -> tuple[str, str, str]:
    before, begin, rest = page.read_text().partition(f"<!-- matrix: written by `{command}` -->\n")
    table, end, after = rest.partition(END)
    assert begin, f"{page} has no place for `{command}`"
    assert end, f"{page} does not say where the matrix of `{command}` ends"
    return before + begin, table, end + after
