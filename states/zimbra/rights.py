"""The owners and rights of a server that was seen to work, written down: a copy of its volume may lose them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from states.ubuntu import dpkg
from states.ubuntu.tree import ids
from states.zimbra import marks
from states.zimbra.tools import zimbra_version
from zflow.api import Context

FOLDERS = tuple(f"opt/zimbra/{name}" for name in ("conf", "data", "db", "index", "log", "redolog", "store"))
"""The server's data; whose they are is written down when it was seen to work."""
TOOLS = tuple(f"opt/zimbra/common/{name}" for name in ("bin", "sbin", "libexec"))
"""Where the vendor's programs lie that need rights of their own: postdrop, postqueue; slapd and nginx from 10.0 on."""
MARK = "rights"
PROVEN = Path("opt/zimbra/.zflow-verified")
"""The mark of a server that was seen to work; what was written down of one that was moved away since is of no use."""
UNKNOWN = "?"
"""Stands for a program whose rights cannot be told."""


def special(ctx: Context) -> str:
    """Return Zimbra's version, whose its data are, and which of its programs have a set-id bit or capabilities."""
    names = {number: name for name, number in ids(ctx.volume, "etc/passwd").items()}
    present = [each for each in FOLDERS if (ctx.volume / each).is_dir() and not (ctx.volume / each).is_symlink()]
    found = [f"owner {names.get((ctx.volume / each).lstat().st_uid, '?')} {each}" for each in present]
    for name, entry in _programs(ctx.volume):
        found += rights(name, entry)
    return "\n".join([zimbra_version(ctx), *sorted(found)])


def _programs(volume: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    for folder in TOOLS:
        try:
            entries = list(os.scandir(volume / folder))
        except OSError:
            continue
        yield from ((f"{folder}/{each.name}", each) for each in entries if each.is_file(follow_symlinks=False))


def rights(name: str, entry: os.DirEntry[str]) -> list[str]:
    """Return a program's lines: its set-id bit and its capabilities, or that they cannot be told."""
    try:
        set_id = entry.stat(follow_symlinks=False).st_mode & (stat.S_ISUID | stat.S_ISGID)
        capabilities = _has_capabilities(entry.path)
    except OSError:
        return [f"set-id {UNKNOWN}", f"capabilities {UNKNOWN}"]
    return [f"{kind} {name}" for kind, has in (("set-id", set_id), ("capabilities", capabilities)) if has]


def _has_capabilities(path: str) -> bool:
    try:
        return bool(os.getxattr(path, "security.capability", follow_symlinks=False))
    except OSError as error:
        if error.errno in {errno.ENODATA, errno.ENOTSUP}:
            return False
        raise


def remember(ctx: Context) -> None:
    """Write down what a copy may lose; for whoever has just seen the server work."""
    marks.write(ctx, MARK, special(ctx))


def remembered(ctx: Context) -> bool:
    """Tell whether it was written down, and of the server that is here: there is one that works."""
    return (ctx.volume / PROVEN).exists() and marks.read(ctx, MARK) != ""


def comparable(ctx: Context) -> list[str]:
    """Return what was written down; nothing while a package is half done: its scripts, run later, set what it needs."""
    return marks.read(ctx, MARK).split("\n") if remembered(ctx) and not dpkg.unfinished(ctx) else []
