"""The server's local configuration, read from its file: `zmlocalconfig` would start a JVM for it."""

from __future__ import annotations

import re
from pathlib import Path

from states.zimbra.tools import Attributes
from zflow.api import Context, text_of

FILE = Path("opt/zimbra/conf/localconfig.xml")
KEY = re.compile(r'<key name="([^"]+)">\s*<value>([^<]*)</value>')


def local_value(ctx: Context, key: str) -> str | None:
    """Return the value of a key; None when it is not set or there is no such file."""
    return next(iter(read_local(ctx, (key,))[key]), None)


def read_local(ctx: Context, names: tuple[str, ...]) -> Attributes:
    """Return local settings as the file has them; one that it does not have is the empty tuple."""
    found = dict(KEY.findall(text_of(ctx.volume / FILE)))
    return {name: (plain,) if (plain := _plain(found.get(name, ""))) else () for name in names}


def _plain(value: str) -> str:
    return value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&").strip()
