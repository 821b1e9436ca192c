"""The firewall: closed from the first second of each start; the configured ports open once the server runs."""

from __future__ import annotations

from collections.abc import Sequence

from states.firewall import table
from states.firewall.codes import CODES
from states.firewall.report import listeners, report
from states.firewall.settings import SETTINGS
from states.firewall.table import intact
from zflow.api import Context, Watch

EVERY = 10.0
"""Seconds between two looks; each takes a few milliseconds."""
ROUTES = "ip -4 route show default; ip -6 route show default | sed 's/ expires.*//'"
"""The gateways, which are part of the open table, without the remaining lifetime of advertised ones."""


def watches(ctx: Context) -> Sequence[Watch]:
    """Return what to watch: the live table, and the gateways, because the network of a container may change."""
    loaded = table.recorded(ctx)
    return (
        Watch("firewall", argv=table.LIST, every=EVERY, wanted=loaded.listing if loaded else ""),
        Watch("gateways", argv=("sh", "-c", ROUTES), every=EVERY),
    )


__all__ = ["CODES", "SETTINGS", "intact", "listeners", "report", "watches"]
