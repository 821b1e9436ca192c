"""The mark of a working server's owners and rights: a copy of its volume may lose them."""

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
"""The server's data; the mark names their owners."""
TOOLS = tuple(f"opt/zimbra/common/{name}" for name in ("bin", "sbin", "libexec"))
"""The folders of the vendor's programs with special rights: postdrop, postqueue; from 10.0 on slapd and nginx."""
MARK = "rights"
PROVEN = Path("opt/zimbra/.zflow-verified")
"""The mark of a server that was read back. Without it the mark of rights is of a server that was moved away since."""
UNKNOWN = "?"
"""Stands for a program whose rights could not be read."""


def special(ctx: Context) -> str:
    """Return Zimbra's version, the owners of its data, and which of its programs have a set-id bit or capabilities."""
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
    """Return a program's lines: that it has a set-id bit, or capabilities; or that neither could be read."""
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
    """Write the mark; the caller has just seen the server work."""
    marks.write(ctx, MARK, special(ctx))


def remembered(ctx: Context) -> bool:
    """Tell whether there is a mark of the server on this volume, and the server works."""
    return (ctx.volume / PROVEN).exists() and marks.read(ctx, MARK) != ""


def comparable(ctx: Context) -> list[str]:
    """Return the mark's lines; none while a package is half done, because its scripts set rights later."""
    return marks.read(ctx, MARK).split("\n") if remembered(ctx) and not dpkg.unfinished(ctx) else []
