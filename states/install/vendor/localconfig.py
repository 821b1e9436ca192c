"""A value of the server's local configuration, read from its file: `zmlocalconfig` would start a JVM for it."""

from __future__ import annotations

import re
from pathlib import Path

from zflow.api import Context, read_text

FILE = Path("opt/zimbra/conf/localconfig.xml")


def local_value(ctx: Context, key: str) -> str | None:
    """Return the value of a key; None when it is not set or there is no such file."""
    try:
        text = read_text(ctx.volume / FILE)
    except OSError:
        return None
    match = re.search(rf'<key name="{re.escape(key)}">\s*<value>([^<]*)</value>', text)
    return match[1].strip() if match else None
