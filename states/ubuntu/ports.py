"""Ports: those the vendor's servers take, and the sockets that something listens on in this container."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from zflow.api import proc

PORTS = (25, 80, 110, 143, 389, 443, 465, 587, 993, 995, 7025, 7071, 7110, 7143, 7306, 7780, 7993, 7995, 8080, 8443,
         11211)  # fmt: skip
"""What the vendor's servers listen on; zimbraAdminPort and friends in zm-mailbox's zimbra-attrs.xml."""
PUBLIC = frozenset({25, 80, 110, 143, 443, 465, 587, 993, 995})
"""Those of them that mail and its users come in by."""
WAITING = {"tcp": "0A", "udp": "07"}
"""The state of a socket that waits for others: TCP_LISTEN, TCP_CLOSE (include/net/tcp_states.h)."""

Protocol = Literal["tcp", "udp"]


@dataclass(frozen=True)
class Socket:
    """A socket that waits for others: the address and port that it is bound to, and its inode."""

    protocol: Protocol
    address: str
    port: int
    inode: str


def listening() -> set[int]:
    """Return the TCP ports that something listens on here."""
    return {each.port for each in sockets("tcp")}


def silent_over_ipv6() -> list[int]:
    """Return the public ports that something listens on from outside by IPv4 alone."""
    outside = [each for each in sockets("tcp") if not ipaddress.ip_address(each.address).is_loopback]
    four, six = ({each.port for each in outside if (":" in each.address) == wanted} for wanted in (False, True))
    return sorted(PUBLIC & four - six)


def sockets(protocol: Protocol) -> Iterator[Socket]:
    """Yield the waiting sockets of both families in this network namespace."""
    for table in (protocol, f"{protocol}6"):
        yield from parse(protocol, proc.network_table(table))


def parse(protocol: Protocol, table: str) -> Iterator[Socket]:
    """Yield the waiting sockets in a table of the kernel, such as /proc/net/tcp6; proc_net(5)."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        address, _, port = fields[1].partition(":")
        if fields[3] == WAITING[protocol]:
            yield Socket(protocol, _address(address), int(port, 16), fields[9])


def _address(text: str) -> str:
    """Return the address in the kernel's hex, which has the byte order of this machine in each word of 32 bits."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    return str(ipaddress.ip_address(struct.pack(f"={len(words)}I", *words)))
