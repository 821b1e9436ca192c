"""The attributes of Zimbra that the operator keeps: one list for all steps that write attributes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from zflow.api import Context, Setting, many


def attribute(value: str) -> str:
    """Accept the name of an attribute or a local setting of Zimbra's."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", value):
        raise ValueError(f"{value!r} is not the name of an attribute such as zimbraHttpDosFilterDelayMillis")
    return value


KEEP = Setting(
    "keep_attributes",
    many(attribute),
    "",
    "Attributes and local settings of Zimbra that zflow leaves as you set them, separated by commas, even if they "
    "are protections. Numbers, addresses and recipients stay as you set them anyway, unless you give "
    "zflow a setting for them.",
    "zimbraMtaSmtpdRejectUnlistedSender",
)


def kept(ctx: Context) -> tuple[str, ...]:
    """Return the names the operator keeps."""
    return ctx.settings.get(KEEP) or ()


def way_out(ctx: Context, names: Iterable[str]) -> str:
    """Say by which setting zflow would keep these as they are."""
    return f"{KEEP.variable}={','.join(dict.fromkeys((*kept(ctx), *names)))} keeps it as it is"
