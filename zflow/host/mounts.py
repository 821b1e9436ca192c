"""What is mounted where in this mount namespace, read from /proc/self/mountinfo (proc(5))."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Mount(NamedTuple):
    """One mount: its point, the type of its file system, and the options of the mount and its file system together."""

    point: Path
    kind: str
    options: frozenset[str]


def mounts() -> list[Mount]:
    """Return the mounts of this process in the order they were made."""
    return parse(Path("/proc/self/mountinfo").read_text(errors="surrogateescape"))


def parse(content: str) -> list[Mount]:
    """Return the mounts of a mountinfo text. Of the file system's options only `ro` is kept."""
    found = []
    for line in content.splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, _source, super_options) = before.split(), after.split(" ", 2)
        options = set(fields[5].split(",")) | ({"ro"} & set(super_options.split(",")))
        found.append(Mount(Path(_unescaped(fields[4])), kind, frozenset(options)))
    return found


def carrying(path: Path, among: list[Mount]) -> Mount | None:
    """Return the mount of `path` (absolute, without links); of several at one point the last one counts."""
    candidates = [mount for mount in among if mount.point == path or mount.point in path.parents]
    return max(enumerate(candidates), key=lambda each: (len(each[1].point.parts), each[0]))[1] if candidates else None


def below(folder: Path) -> list[Path]:
    """Return the mount points at or under a folder, the last mounted first: the order of unmounting."""
    return [each.point for each in reversed(mounts()) if each.point == folder or folder in each.point.parents]


def file_system(path: Path) -> str:
    """Return the type of the file system of `path`, as the kernel names it; empty when it has none."""
    mount = carrying(path.resolve(), mounts())
    return mount.kind if mount is not None else ""


def _unescaped(field: str) -> str:
    for octal, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(octal, character)
    return field
