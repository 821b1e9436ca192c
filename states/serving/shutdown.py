"""The end of a container: the server stopped the vendor's way, then whatever else still lives inside.

A server that is killed instead needs repair of its database and directory at the next start; `zmcontrol stop` takes
half a minute to two (docs/zimbra.md §7), so the container's stop timeout should leave room for that.
"""

from __future__ import annotations

from states.install import dns
from states.ubuntu import processes
from states.zimbra import leftovers, services
from states.zimbra.proof import data, unfinished
from zflow.api import Context

PATIENCE = 10.0
"""Seconds between TERM and KILL for what is left."""


def shutdown(ctx: Context) -> None:
    """Stop the server's services, then everything inside the Ubuntu, then the DNS; never raises for a failed stop.

    A server that is still being built holds nobody's mail: its time is better left to what else has to end.
    """
    if data(ctx) and not unfinished(ctx) and leftovers.servers(ctx):
        services.stop(ctx)
    killed = processes.end(ctx, processes.all_inside(ctx), PATIENCE)
    if killed:
        ctx.log(f"{len(killed)} processes did not end by themselves and were killed")
    dns.end()
