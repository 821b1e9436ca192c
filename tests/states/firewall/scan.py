"""A SYN scan of every TCP port in about two seconds: frames made by hand, answers read as they come."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet

from tests.states.firewall.lab import SERVER_4, SERVER_6, Lab, ethernet

PORTS = range(1, 65536)
SYN_ACK, RST = 0x12, 0x04
IPV4, IPV6 = b"\x08\x00", b"\x86\xdd"
BATCH = 512


@dataclass
class Seen:
    """Which ports answered with SYN and ACK, and which with a reset."""

    listening: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)


def scan(lab: Lab, source: str) -> Seen:
    """Send one SYN from `source` to each TCP port of the server."""
    seen, port = Seen(), 1024 + lab.number()
    for batch in batches(source, port):
        for answer in lab.exchange_frames(batch):
            _take(seen, answer, port)
    return seen


def batches(source: str, port: int) -> Iterator[list[bytes]]:
    """Yield the frames in portions."""
    version = ipaddress.ip_address(source).version
    syn = TCP(sport=port, dport=0, flags="S", seq=1000)
    packet: Packet = IP(src=source, dst=SERVER_4) / syn if version == 4 else IPv6(src=source, dst=SERVER_6) / syn
    frame = bytes(ethernet(packet))
    start = 14 + (20 if version == 4 else 40)
    checksum = int.from_bytes(frame[start + 16 : start + 18], "big")
    for first in range(PORTS.start, PORTS.stop, BATCH):
        yield [_with_port(frame, start, checksum, each) for each in range(first, min(first + BATCH, PORTS.stop))]


def _with_port(frame: bytes, start: int, checksum: int, port: int) -> bytes:
    """Return the frame with another target port and a corrected checksum (RFC 1624)."""
    total = (~checksum & 0xFFFF) + port
    corrected = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    head, middle, tail = frame[: start + 2], frame[start + 4 : start + 16], frame[start + 18 :]
    return head + struct.pack("!H", port) + middle + struct.pack("!H", corrected) + tail


def _take(seen: Seen, frame: bytes, asker: int) -> None:
    """Note an answer to the port we ask from; those to earlier scans are sent again and again for half a minute."""
    start, protocol = {IPV4: (34, frame[23]), IPV6: (54, frame[20])}.get(frame[12:14], (0, 0))
    if protocol != socket.IPPROTO_TCP:
        return
    port, target, flags = *struct.unpack_from("!HH", frame, start), frame[start + 13]
    if target != asker:
        return
    if flags & SYN_ACK == SYN_ACK:
        seen.listening.add(port)
    elif flags & RST:
        seen.refused.add(port)
