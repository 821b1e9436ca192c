"""The grammar of an SPF record: its terms, taken apart. Numbers are sections of RFC 7208."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MACRO = r"%\{[slodiphv]\d*r?[-.+,/_=]*\}"
_TOP = r"\.(?:[a-z\d]{0,62}[a-z][a-z\d]{0,62}|[a-z\d]{1,62}-[a-z\d-]{0,62}[a-z\d])\.?"  # of labels of 63 at most
_DOMAIN = rf"(?P<domain>(?:{_MACRO}|%[%_-]|[!-$&-~])*(?:{_MACRO}|{_TOP}))"
_PREFIXES = r"(?:/(?P<four>0|[1-9]\d?))?(?://(?P<six>0|[1-9]\d{0,2}))?"
TERMS = {
    "all": "",
    "include": f":{_DOMAIN}",
    "exists": f":{_DOMAIN}",
    "a": f"(?::{_DOMAIN})?{_PREFIXES}",
    "mx": f"(?::{_DOMAIN})?{_PREFIXES}",
    "ptr": f"(?::{_DOMAIN})?",
    "ip4": r":(?P<network>[\d.]+(?:/(?:0|[1-9]\d?))?)",
    "ip6": r":(?P<network>[\da-f:.]+(?:/(?:0|[1-9]\d{0,2}))?)",
    "redirect=": _DOMAIN,
    "exp=": _DOMAIN,
}
"""What follows the name of a mechanism or modifier (5, 6, 12)."""
NETWORKS = {"ip4": ipaddress.IPv4Network, "ip6": ipaddress.IPv6Network}
UNKNOWN = rf"(?:{_MACRO}|%[%_-]|[!-$&-~])*"
"""What follows the name of a modifier that RFC 7208 does not define; receivers ignore those (6)."""


class Faulty(Exception):
    """The record, or one that it leads to, breaks a rule: receivers answer `permerror`. The text names the rule."""


@dataclass(frozen=True)
class Term:
    """One mechanism or modifier, taken apart; `text` is as written, a modifier's name ends with `=`."""

    text: str
    name: str
    qualifier: str
    parts: dict[str, str | None]

    @property
    def domain(self) -> str | None:
        """The domain after the name, macros not expanded."""
        return self.parts.get("domain")

    def covers(self, address: Address, others: Sequence[str]) -> bool:
        """Tell whether the address lies in the network of one of the others, by this term's prefix lengths (5.3)."""
        bits = self.parts.get("four" if address.version == 4 else "six") or address.max_prefixlen
        return any(address in ipaddress.ip_network(f"{each}/{bits}", strict=False) for each in others)


def terms(record: str) -> list[Term]:
    """Return the terms of a record in order; raises Faulty for a word that is not a term (4.6.1)."""
    found = [_term(word) for word in record.split(" ")[1:] if word]
    for name in ("redirect=", "exp="):
        if sum(each.name == name for each in found) > 1:
            raise Faulty(f"{name} occurs twice")
    return found


def _term(word: str) -> Term:
    match = re.match(r"(?P<modifier>[a-z][a-z\d._-]*=)|(?P<qualifier>[-+~?]?)(?P<name>[a-z\d]+)", word, re.IGNORECASE)
    if match is None:
        raise Faulty(f"‹{word}› is not a term")
    name, rest = (match["modifier"] or match["name"]).lower(), word[match.end() :]
    parts = re.fullmatch(TERMS.get(name, UNKNOWN if match["modifier"] else "(?!)"), rest, re.IGNORECASE | re.ASCII)
    if parts is None:
        raise Faulty(f"‹{word}› is not a term")
    term = Term(word, name, match["qualifier"] or "+", parts.groupdict())
    if int(term.parts.get("four") or 0) > 32 or int(term.parts.get("six") or 0) > 128:
        raise Faulty(f"‹{word}› has too long a prefix")
    if (network := term.parts.get("network")) is not None:
        try:
            NETWORKS[name](network, strict=False)
        except ValueError:
            raise Faulty(f"‹{word}› is not a network") from None
    return term
