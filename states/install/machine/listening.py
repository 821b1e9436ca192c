"""Ports: those the vendor's servers take, and those that something listens on in this container."""

from __future__ import annotations

import re
from pathlib import Path

PORTS = (25, 80, 110, 143, 389, 443, 465, 587, 993, 995, 7025, 7071, 7110, 7143, 7306, 7780, 7993, 7995, 8080, 8443,
         11211)  # fmt: skip
"""What the vendor's servers listen on; zimbraAdminPort and friends in zm-mailbox's zimbra-attrs.xml."""
LISTENING = "0A"
"""TCP_LISTEN in /proc/net/tcp; include/net/tcp_states.h."""


def listening(tables: tuple[Path, ...] = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))) -> set[int]:
    """Return the TCP ports that something listens on here; proc(5), /proc/net/tcp."""
    pattern = re.compile(rf"^\s*\d+: [0-9A-F]+:([0-9A-F]{{4}}) [0-9A-F]+:[0-9A-F]{{4}} {LISTENING} ", re.MULTILINE)
    texts = [path.read_text() for path in tables if path.exists()]
    return {int(port, 16) for text in texts for port in pattern.findall(text)}
