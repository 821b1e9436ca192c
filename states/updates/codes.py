"""The errors of updates, ZF-21xx."""

from __future__ import annotations

from zflow.api import Code

CRON = Code(
    "ZF-2101",
    "cron does not run",
    "cron inside the Ubuntu on the volume could not be started, or ended at once; updates and Zimbra's jobs need it.",
    "It is tried again. If it stays, start /usr/sbin/cron by hand in `zflow shell`.",
)

CODES = (CRON,)
