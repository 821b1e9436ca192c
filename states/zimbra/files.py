"""Paths and tools of Zimbra for certificates and DH parameters; everything is done as user zimbra.

Commands of that user in the Ubuntu read and write the files, not root from outside: a folder of user zimbra may hold
links, through which root would write elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from states.zimbra.tools import as_zimbra
from zflow.api import Context, text_of

CONF = "/opt/zimbra/conf"
SSL = "/opt/zimbra/ssl/zimbra"
COMMERCIAL_KEY = f"{SSL}/commercial/commercial.key"
ZMCERTMGR = "/opt/zimbra/bin/zmcertmgr"
CANDIDATE = f"{SSL}/zflow"
"""zflow's own folder, user zimbra's: zmcertmgr repairs its input in place, with a copy (docs/zimbra.md §3.4)."""
PATIENCE = 60.0
"""Seconds for one file: user zimbra may have replaced it by a pipe."""
PUT = """\
umask 077
mkdir -p "${1%/*}" && cat >"$1.zflow-new" && chmod "$2" "$1.zflow-new" && mv -f "$1.zflow-new" "$1"
"""


def on_volume(ctx: Context, path: str) -> Path:
    """Return the path outside of a path inside the Ubuntu."""
    return ctx.volume / path.lstrip("/")


def text(ctx: Context, path: str) -> str:
    """Return the content of a file in the Ubuntu, to compare; empty when it is absent.

    A link, a pipe, a device or a large file, by which user zimbra may have replaced it, counts as absent.
    """
    return text_of(on_volume(ctx, path))


def read(ctx: Context, path: str) -> str:
    """Return a file's content as user zimbra reads it, unlogged; empty when it is absent or not readable."""
    found = as_zimbra(ctx, "cat", path, ok=(0, 1), quiet=True, timeout=PATIENCE)
    return "" if found.code else found.output


def put(ctx: Context, path: str, content: str, mode: str = "0640") -> None:
    """Write a file as user zimbra; the content goes by standard input and is not logged."""
    as_zimbra(ctx, "sh", "-c", PUT, "put", path, mode, stdin=content, timeout=PATIENCE)


def drop(ctx: Context, path: str) -> None:
    """Remove a file or folder as user zimbra."""
    as_zimbra(ctx, "rm", "-rf", path)
