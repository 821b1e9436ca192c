"""The end of a container: the vendor's command stops the server, then all other processes inside are ended.

A server that is killed instead must repair its database and its directory at the next start. `zmcontrol stop` takes
from half a minute to two minutes (docs/zimbra.md §7); the container's stop timeout should allow for that.
"""

from __future__ import annotations

from states.ubuntu import dnsmasq, processes
from states.zimbra import leftovers, services
from states.zimbra.proof import data, unfinished
from zflow.api import Context

PATIENCE = 10.0
"""Seconds between TERM and KILL for the other processes."""


def shutdown(ctx: Context) -> None:
    """Stop the server's services, then everything inside the Ubuntu, then the DNS; never raises for a failed stop.

    A server that is still being built holds no mail: the other processes get its time to end.
    """
    if data(ctx) and not unfinished(ctx) and leftovers.servers(ctx):
        services.stop(ctx)
    if killed := processes.end(ctx, processes.all_inside(ctx), PATIENCE):
        ctx.log(f"processes killed because they did not end within {PATIENCE:.0f} s: {len(killed)}")
    dnsmasq.end()
