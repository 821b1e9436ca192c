"""The end of a container: the server stopped the vendor's way, then whatever else still lives inside.

A server that is killed instead needs repair of its database and directory at the next start; `zmcontrol stop` takes
half a minute to two (zimbra-facts §7), so the container's stop timeout should leave room for that.
"""

from __future__ import annotations

import contextlib

from states.install.machine import dns, processes
from states.install.proof import proven
from states.zimbra import as_zimbra
from zflow.api import CommandError, Context

STOP = 240.0
"""Seconds that `zmcontrol stop` gets."""
PATIENCE = 10.0
"""Seconds that what is left gets between TERM and KILL."""


def shutdown(ctx: Context) -> None:
    """Stop the server's services, then everything inside the Ubuntu, then the DNS; never raises for a failed stop."""
    if proven(ctx) is not None:
        with contextlib.suppress(CommandError):
            as_zimbra(ctx, "zmcontrol", "stop", ok=range(256), timeout=STOP)
    killed = processes.end(ctx, processes.all_inside(ctx), PATIENCE)
    if killed:
        ctx.log(f"{len(killed)} processes did not end by themselves and were killed")
    dns.end()
