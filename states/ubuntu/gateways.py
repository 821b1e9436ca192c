"""The default gateways of this network namespace, read from the kernel without starting a program.

Where the engine forwards published ports by a proxy or by NAT, every client in the world arrives with the gateway's
address. So the gateway never counts as one client.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

from zflow.api import proc

RTF_GATEWAY = 0x2
"""The route leads through another machine (linux/route.h)."""


@dataclass(frozen=True)
class Gateways:
    """Addresses of the default gateways by family, sorted."""

    four: tuple[str, ...] = ()
    six: tuple[str, ...] = ()


def gateways() -> Gateways:
    """Return the gateways of the present default routes."""
    return parse(proc.network_table("route"), proc.network_table("ipv6_route"))


def parse(route: str, ipv6_route: str) -> Gateways:
    """Return the gateways in the two tables of the kernel (proc_net(5); net/ipv6/route.c, rt6_info_route)."""
    rows = [line.split() for line in route.splitlines()[1:]]
    four = {
        ipaddress.IPv4Address(struct.pack("=I", int(row[2], 16)))
        for row in rows
        if int(row[1], 16) == int(row[7], 16) == 0 and int(row[3], 16) & RTF_GATEWAY
    }
    rows = [line.split() for line in ipv6_route.splitlines()]
    six = {
        ipaddress.IPv6Address(int(row[4], 16))
        for row in rows
        if int(row[0], 16) == int(row[1], 16) == 0 and int(row[8], 16) & RTF_GATEWAY
    }
    return Gateways(tuple(map(str, sorted(four))), tuple(map(str, sorted(six))))
