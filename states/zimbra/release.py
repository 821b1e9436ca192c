"""Which release line is installed: the archive says it where it can, else the setting."""

from __future__ import annotations

import re

from states.zimbra.archive import wanted
from states.zimbra.releases import RELEASES, Release, line_of
from states.zimbra.settings import RELEASE
from states.zimbra.unpack import installer, word
from zflow.api import Context, OperatorError


def chosen(ctx: Context) -> Release:
    """Return the line: the unpacked installer's, else the one in the archive's name (`zcs-10.1.10_GA_…`), else
    ZFLOW_RELEASE's, which may be the default where the settings name an archive."""
    return (
        line_of(word(installer(ctx) / ".BUILD_RELEASE_NO")) or line_of(_named(ctx)) or RELEASES[ctx.settings[RELEASE]]
    )


def _named(ctx: Context) -> str:
    try:
        match = re.search(r"/zcs-(?:NETWORK-)?(\d+(?:\.\d+)+)", wanted(ctx).place)
    except OperatorError:
        return ""
    return match[1] if match else ""
