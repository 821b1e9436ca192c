"""Where the endpoint listens: the engine's only own setting."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from zflow.settings import Setting
from zflow.values import number

LOOPBACK = "127.0.0.1"
WRONG = "is not off, PORT, ADDRESS:PORT or [IPV6-ADDRESS]:PORT"
_port = number(1, 65_535)


@dataclass(frozen=True)
class Address:
    """An IP address of this container and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(value: str) -> Address | None:
    """Accept `off` (None), a port (on the loopback address), or ADDRESS:PORT with an IPv6 address in brackets."""
    if value.lower() == "off":
        return None
    host, colon, port = value.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if colon and (":" in bare) != (bare != host):
        raise ValueError(f"{value!r} {WRONG}")
    try:
        return Address(str(ipaddress.ip_address(bare)) if colon else LOOPBACK, _port(port))
    except ValueError as error:
        raise ValueError(f"{value!r} {WRONG}: {error}") from None


HTTP = Setting(
    "http",
    address,
    "off",
    "Where /livez, /readyz, /startupz, /metrics and a read-only page are served by plain HTTP: off, PORT (reachable "
    "inside the container only), or ADDRESS:PORT.",
    "9119",
)
