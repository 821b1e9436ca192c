"""The container's own addresses, read from the kernel without starting a program, at every start."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

from zflow.api import proc

UNUSABLE = 0x01 | 0x08 | 0x20 | 0x40
"""IPv6 addresses that change or cannot be used: temporary, duplicate, deprecated, tentative (linux/if_addr.h)."""
ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses for documentation (RFC 5737, RFC 3849): only the route there is looked up, and nothing is sent."""


@dataclass(frozen=True)
class Addresses:
    """The container's global addresses, IPv4 before IPv6, those of the default route first; and whether ::1 exists."""

    own: tuple[str, ...]
    six: bool


def addresses() -> Addresses:
    """Return the addresses of this network namespace."""
    return ordered(
        proc.network_table("fib_trie"), proc.network_table("if_inet6"), [_source(*each) for each in ELSEWHERE]
    )


def ordered(fib_trie: str, if_inet6: str, preferred: list[str | None]) -> Addresses:
    """Return the addresses in the two tables of the kernel (proc_net(5)), the preferred ones first."""
    four = re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", fib_trie)
    rows = [line.split() for line in if_inet6.splitlines()]
    flags = {str(ipaddress.IPv6Address(int(row[0], 16))): int(row[4], 16) for row in rows}
    six = [each for each, bits in flags.items() if not bits & UNUSABLE]
    chosen = [each for each in preferred if each and not flags.get(each, 0) & UNUSABLE]
    known = {ipaddress.ip_address(each) for each in (*chosen, *four, *six)}
    usable = [each for each in known if not (each.is_loopback or each.is_link_local or each.is_unspecified)]
    usable.sort(key=lambda each: (each.version, str(each) not in preferred, int(each)))
    return Addresses(tuple(str(each) for each in usable), "::1" in six)


def _source(family: socket.AddressFamily, address: str) -> str | None:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None
