"""Ports: those the vendor's servers take, and those that something listens on in this container."""

from __future__ import annotations

import re
from pathlib import Path

PORTS = (25, 80, 110, 143, 389, 443, 465, 587, 993, 995, 7025, 7071, 7110, 7143, 7306, 7780, 7993, 7995, 8080, 8443,
         11211)  # fmt: skip
"""What the vendor's servers listen on; zimbraAdminPort and friends in zm-mailbox's zimbra-attrs.xml."""
PUBLIC = frozenset({25, 80, 110, 143, 443, 465, 587, 993, 995})
"""Those of them that mail and its users come in by."""
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LOOPBACK = re.compile(r"[0-9A-F]{6}7F|0{24}01000000")
"""127.0.0.0/8 and ::1 as the kernel prints them, each word in the machine's own order of bytes."""
LISTENING = "0A"
"""TCP_LISTEN in /proc/net/tcp; include/net/tcp_states.h."""


def listening(tables: tuple[Path, ...] = TABLES) -> set[int]:
    """Return the TCP ports that something listens on here; proc(5), /proc/net/tcp."""
    return {port for table in tables for _, port in _listeners(table)}


def silent_over_ipv6() -> list[int]:
    """Return the public ports that something listens on from outside by IPv4 alone."""
    four, six = ({port for address, port in _listeners(each) if not LOOPBACK.fullmatch(address)} for each in TABLES)
    return sorted(PUBLIC & four - six)


def _listeners(table: Path) -> list[tuple[str, int]]:
    pattern = re.compile(rf"^\s*\d+: ([0-9A-F]+):([0-9A-F]{{4}}) [0-9A-F]+:[0-9A-F]{{4}} {LISTENING} ", re.MULTILINE)
    text = table.read_text() if table.exists() else ""
    return [(address, int(port, 16)) for address, port in pattern.findall(text)]
