"""The places and tools of Zimbra's that certificates and DH parameters go through; everything is done as user zimbra.

Files are read and written by commands of that user inside the Ubuntu, not by us from outside: folders that belong to
zimbra may hold links, and what root wrote or copied through them would be of somewhere else.
"""

from __future__ import annotations

from pathlib import Path

from states.zimbra.tools import as_zimbra
from zflow.api import Context, read_text

CONF = "/opt/zimbra/conf"
SSL = "/opt/zimbra/ssl/zimbra"
COMMERCIAL_KEY = f"{SSL}/commercial/commercial.key"
ZMCERTMGR = "/opt/zimbra/bin/zmcertmgr"
CANDIDATE = f"{SSL}/zflow"
"""A folder of our own, user zimbra's: zmcertmgr repairs its input in place, with a copy (docs/zimbra.md §3.4)."""
PATIENCE = 60.0
"""Seconds for a file: user zimbra may have put a pipe in its place."""
PUT = """\
umask 077
mkdir -p "${1%/*}" && cat >"$1.zflow-new" && chmod "$2" "$1.zflow-new" && mv -f "$1.zflow-new" "$1"
"""


def on_volume(ctx: Context, path: str) -> Path:
    """Return where a path inside the Ubuntu lies for us."""
    return ctx.volume / path.lstrip("/")


def text(ctx: Context, path: str) -> str:
    """Return the content of a file inside the Ubuntu, for comparing only; empty when there is none.

    Links, pipes and devices that user zimbra may have put in its place are no file, and what is large is none of ours.
    """
    try:
        return read_text(on_volume(ctx, path))
    except OSError:
        return ""


def read(ctx: Context, path: str) -> str:
    """Return a file's content as user zimbra may see it, unlogged; empty when it may not, or there is none."""
    found = as_zimbra(ctx, "cat", path, ok=(0, 1), quiet=True, timeout=PATIENCE)
    return "" if found.code else found.output


def put(ctx: Context, path: str, content: str, mode: str = "0640") -> None:
    """Write a file of user zimbra's; the content goes by standard input and is not logged."""
    as_zimbra(ctx, "sh", "-c", PUT, "put", path, mode, stdin=content, timeout=PATIENCE)


def drop(ctx: Context, path: str) -> None:
    """Remove a file or folder of user zimbra's."""
    as_zimbra(ctx, "rm", "-rf", path)
