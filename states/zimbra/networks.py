"""The networks that may relay mail without a password, and the mark of those that zflow wrote.

They are this container's addresses, which change with the container (states/install/networks.py).
"""

from __future__ import annotations

from pathlib import Path

from states.ubuntu.addresses import addresses
from zflow.api import Context, text_of, write_atomic

MARK = Path("opt/zimbra/.zflow-networks")
MODE = "zimbraIPMode"
STRICT = "zimbraReverseProxyStrictServerNameEnabled"
"""With both families nginx does not start on it: the vendor's template gives the options of one address twice
(zm-nginx-conf 8.8.15, nginx.conf.web.https.default.template, 7, 33)."""


def networks(own: tuple[str, ...]) -> str:
    """Return who may relay: this container only, under all of its addresses, in Postfix's notation."""
    hosts = [f"[{each}]/128" if ":" in each else f"{each}/32" for each in own]
    return " ".join(["127.0.0.0/8", "[::1]/128", *hosts])


def wanted() -> str:
    """Return the container's networks now."""
    return networks(addresses().own)


def remember(ctx: Context) -> None:
    """Write the mark: these networks of the server's configuration are zflow's."""
    write_atomic(ctx.volume / MARK, wanted() + "\n")


def remembered(ctx: Context) -> str:
    """Return the networks of the mark; empty when it is missing or not a file."""
    return text_of(ctx.volume / MARK)


def has_ipv6(found: str) -> bool:
    """Tell whether networks in Postfix's notation have an IPv6 address other than ::1."""
    return any(word.startswith("[") and word != "[::1]/128" for word in found.split())


def family_lost(ctx: Context) -> str | None:
    """Return a notice, before services fail to start, that a server on IPv4 has no such address any more."""
    own, before = addresses().own, remembered(ctx)
    if not before or has_ipv6(before) or not own or any(":" not in each for each in own):
        return None
    return (
        f"the container has only IPv6 addresses ({', '.join(own)}), and the server listens on IPv4 only: start the "
        "container once in a network with both; zflow then makes the server listen on both"
    )
