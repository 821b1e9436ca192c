"""Ports and the networks that may reach them: the values of the firewall's settings."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeVar, get_args

from zflow.api import network

T = TypeVar("T")
Protocol = Literal["tcp", "udp"]
HIGHEST = 65535


@dataclass(frozen=True, order=True)
class Ports:
    """One port, or all from `first` to `last`."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def overlaps(self, other: Ports) -> bool:
        """Tell whether both have a port in common."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Sources:
    """The only networks that may reach some ports, IPv4 before IPv6, none inside another."""

    protocol: Protocol
    ports: Ports
    networks: tuple[str, ...]


@dataclass(frozen=True)
class Opening:
    """Ports that are open to the outside; to everybody when `sources` is empty."""

    protocol: Protocol
    ports: Ports
    sources: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.ports}/{self.protocol}"

    def of_family(self, version: int) -> tuple[str, ...]:
        """Return the sources of IP version 4 or 6."""
        return tuple(each for each in self.sources if ipaddress.ip_network(each).version == version)


def ports(value: str) -> tuple[Ports, ...]:
    """Accept ports and ranges separated by commas or blanks; raises ValueError with all mistakes."""
    found, mistakes = _each(value, one)
    _refuse([*mistakes, *_twice(found)])
    return tuple(found)


def sources(value: str) -> tuple[Sources, ...]:
    """Accept several `PORT=NETWORK+NETWORK`, PORT/udp for UDP; raises ValueError with all mistakes."""
    found, mistakes = _each(value, _restriction)
    for protocol in get_args(Protocol):
        mistakes += _twice([each.ports for each in found if each.protocol == protocol])
    _refuse(mistakes)
    return tuple(found)


def _each(value: str, parse: Callable[[str], T]) -> tuple[list[T], list[str]]:
    """Return the words between commas and blanks, parsed, and the mistakes among them."""
    found: list[T] = []
    mistakes: list[str] = []
    for word in filter(None, re.split(r"[,\s]+", value)):
        try:
            found.append(parse(word))
        except ValueError as error:
            mistakes.append(str(error))
    return found, mistakes


def _refuse(mistakes: list[str]) -> None:
    if mistakes:
        raise ValueError("; ".join(mistakes))


def _twice(found: Iterable[Ports]) -> list[str]:
    """Return a mistake for each port that is named more than once."""
    pairs = pairwise(sorted(found))
    return [f"named twice: {later} (in {earlier})" for earlier, later in pairs if earlier.overlaps(later)]


def one(word: str) -> Ports:
    """Accept one port, or a range such as 8000-8010."""
    matched = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", word, re.ASCII)
    if not matched:
        raise ValueError(f"{word!r} is neither a port nor a range of ports")
    first, last = int(matched[1]), int(matched[2] or matched[1])
    if not 1 <= first <= last <= HIGHEST:
        raise ValueError(f"{word} is not between 1 and {HIGHEST}, the lower first")
    return Ports(first, last)


def _restriction(word: str) -> Sources:
    left, separator, right = word.partition("=")
    if not separator or not right:
        raise ValueError(f"{word!r} is not PORT=NETWORK, several networks joined by +")
    which, slash, protocol = left.partition("/")
    if slash and protocol not in get_args(Protocol):
        raise ValueError(f"{left!r} ends neither with /tcp nor with /udp")
    return Sources("udp" if protocol == "udp" else "tcp", one(which), tuple(_networks(right.split("+"))))


def _networks(named: list[str]) -> Iterator[str]:
    """Yield the networks without those inside another one: nftables refuses overlapping intervals."""
    found = [ipaddress.ip_network(network(each)) for each in named]
    yield from map(str, ipaddress.collapse_addresses(each for each in found if isinstance(each, ipaddress.IPv4Network)))
    yield from map(str, ipaddress.collapse_addresses(each for each in found if isinstance(each, ipaddress.IPv6Network)))
