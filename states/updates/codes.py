"""The errors of updates, ZF-21xx."""

from __future__ import annotations

from zflow.api import Code

CRON = Code(
    "ZF-2101",
    "cron does not run",
    "cron inside the Ubuntu on the volume did not start, or ended at once. Updates and Zimbra's own jobs need it.",
    "zflow tries again. If the error stays, run `zflow shell /usr/sbin/cron -f` and read what it prints.",
)

CODES = (CRON,)
