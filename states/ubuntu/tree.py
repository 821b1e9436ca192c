"""The Ubuntu on the volume: how it is recognised, and the two marks that say how far its installation has come.

The staged tree is complete when `.zflow/stage/rootfs.complete` lies beside it. Its entries are then renamed onto the
volume one by one, and last the mark itself to `etc/zflow-release`. So a volume is in exactly one of four conditions:
nothing staged; staged without a mark (to be removed); marked in the stage (to be moved); installed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from zflow.api import Context, read_json, text_of

RELEASE = Path("etc/zflow-release")
STAGED = Path(".zflow/stage/rootfs.complete")


@dataclass(frozen=True)
class Mark:
    """What was built: the suite, the number of packages, the source, the time, and the top-level names of the tree."""

    codename: str
    version: str
    packages: int
    source: str
    built: str
    entries: tuple[str, ...]

    def render(self) -> str:
        """Return the mark's file content."""
        return json.dumps(asdict(self), indent=1) + "\n"


def tree(ctx: Context) -> Path:
    """Return where the Ubuntu is built."""
    return ctx.stage / "rootfs"


def staged_mark(ctx: Context) -> Path:
    """Return the file that says that the staged tree is complete."""
    return ctx.volume / STAGED


def read_mark(path: Path) -> Mark | None:
    """Return the mark in a file; None when it is missing or damaged."""
    return read_json(path, lambda found: Mark(**{**found, "entries": tuple(found["entries"])}))


def installed(ctx: Context) -> Mark | None:
    """Return the mark of a finished installation whose tree has no defects, else None."""
    mark = read_mark(ctx.volume / RELEASE)
    return mark if mark is not None and not defects(ctx.volume) else None


def staged(ctx: Context) -> Mark | None:
    """Return the mark of a complete staged tree, also when part of it has already been moved."""
    return read_mark(staged_mark(ctx))


def defects(root: Path) -> list[str]:
    """Return what a tree lacks to be an Ubuntu that can run; it looks at content, cheaply enough for every start."""
    found = []
    if os_release(root).get("ID") != "ubuntu":
        found.append("etc/os-release does not name Ubuntu")
    if not _starts_with(root / "var/lib/dpkg/status", b"Package: "):
        found.append("var/lib/dpkg/status is not a package list")
    if not _starts_with(root / "bin/bash", b"\x7fELF") or not (root / "bin/bash").stat().st_mode & 0o100:
        found.append("bin/bash is not a program")
    return found


def ids(volume: Path, table: str) -> dict[str, int]:
    """Return the ids by name in etc/passwd or etc/group; passwd(5), group(5)."""
    rows = (line.split(":") for line in text_of(volume / table).splitlines())
    return {row[0]: int(row[2]) for row in rows if len(row) > 3 and row[2].isdigit()}


def os_release(root: Path) -> dict[str, str]:
    """Return the fields of a tree's os-release(5), unquoted; empty when there is none."""
    lines = text_of(root / "usr/lib/os-release").splitlines()
    return {name: value.strip("\"'") for name, separator, value in (line.partition("=") for line in lines) if separator}


def _starts_with(path: Path, beginning: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(beginning)) == beginning
    except OSError:
        return False
