"""The firewall: closed from the first second of each start, the configured ports opened when their state is reached."""

from __future__ import annotations

from collections.abc import Sequence

from states.firewall import table
from states.firewall.codes import CODES
from states.firewall.report import listeners, report
from states.firewall.settings import SETTINGS
from states.firewall.table import intact
from zflow.api import Context, Watch

EVERY = 10.0
"""Seconds between two looks; each takes some milliseconds."""
ROUTES = "ip -4 route show default; ip -6 route show default | sed 's/ expires.*//'"
"""The gateways, which are part of the open table, without the time that advertised ones have left."""


def watches(ctx: Context) -> Sequence[Watch]:
    """Return what to watch: the live table, whoever changes it, and the gateways: a network may be exchanged."""
    loaded = table.recorded(ctx)
    return (
        Watch("firewall", argv=table.LIST, every=EVERY, wanted=loaded.listing if loaded else ""),
        Watch("gateways", argv=("sh", "-c", ROUTES), every=EVERY),
    )


__all__ = ["CODES", "SETTINGS", "intact", "listeners", "report", "watches"]
