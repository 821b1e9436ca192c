"""What the container's engine writes at each start: names and addresses in /etc/hosts, and nameservers."""

from __future__ import annotations

import ipaddress
import re
import socket
from pathlib import Path

HOSTS = Path("/etc/hosts")
RESOLVER = Path("/etc/resolv.conf")
STANDARD = re.compile(r"localhost\d?(\.localdomain\d?)?|(ip6-|ipv6-).*", re.IGNORECASE)
"""Names that every hosts file has."""

Given = tuple[tuple[str, tuple[str, ...]], ...]
"""Addresses, and the names of each."""


def own_names(name: str, container: str) -> tuple[str, ...]:
    """Return the names of this server: the full one, the short one, and what the container is called."""
    return tuple(dict.fromkeys((name, name.partition(".")[0], container)))


def given_by_engine(content: str, own: tuple[str, ...]) -> Given:
    """Return the addresses and names in the container's hosts(5) file that are neither standard nor this server's own.

    The address of the server's own name is not the engine's to decide.
    """
    lines = (line.partition("#")[0].split() for line in content.splitlines())
    pairs = ((words[0], tuple(each for each in words[1:] if not _is_known(each, own))) for words in lines if words)
    return tuple((address, names) for address, names in pairs if names and is_address(address))


def _is_known(name: str, own: tuple[str, ...]) -> bool:
    return name.lower() in own or STANDARD.fullmatch(name) is not None


def is_address(text: str) -> bool:
    """Tell whether it is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def given(name: str) -> Given:
    """Return what the container's engine adds at present, for the server of that name."""
    own = own_names(name, socket.gethostname().lower())
    try:
        return given_by_engine(HOSTS.read_text(errors="replace"), own)
    except OSError:
        return ()


def nameservers(content: str) -> list[str]:
    """Return the nameservers of a resolv.conf(5) in order."""
    words = (line.split() for line in content.splitlines())
    return [each[1] for each in words if len(each) > 1 and each[0] == "nameserver"]


def container_resolver() -> str:
    """Return the container's resolv.conf; empty when it has none."""
    return RESOLVER.read_text(errors="replace") if RESOLVER.exists() else ""
