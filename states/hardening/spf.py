"""SPF as a receiver of mail reads it: the terms from left to right, for one address. Numbers are sections of RFC 7208.

No network here: whoever asks brings the look into the DNS. Explanations (`exp=`) decide nothing and are only parsed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

Result = Literal["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Look = Callable[[str, str], Sequence[str]]
"""Returns the values at a name and kind (A, AAAA, MX, PTR, TXT), none where there is none; raises Unheard."""

QUALIFIERS: dict[str, Result] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
LOOKUPS = 10
"""Terms of one evaluation that ask the DNS; also the names of one `mx` or `ptr` (4.6.4)."""
VOIDS = 2
"""Terms of one evaluation that may find nothing in the DNS (4.6.4)."""
LONGEST = 253
"""Characters of a name (7.3)."""

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
"""What follows the name of a modifier that RFC 7208 does not know; such are passed over (6)."""


class Unheard(Exception):
    """The DNS gave no answer; says whose."""


class Faulty(Exception):
    """The record, or one that it leads to, breaks a rule: receivers answer `permerror`. Says which."""


@dataclass(frozen=True)
class Outcome:
    """What a receiver makes of an address, and the term or the reason that decided; empty where no term matched."""

    result: Result
    why: str = ""


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


def records(texts: Sequence[str]) -> list[str]:
    """Return those of a name's texts that are SPF records (4.5)."""
    return [each for each in texts if re.match(r"v=spf1(?: |$)", each, re.IGNORECASE)]


def terms(record: str) -> list[Term]:
    """Return the terms of a record in order; raises Faulty where one of them is none (4.6.1)."""
    found = [_term(word) for word in record.split(" ")[1:] if word]
    for name in ("redirect=", "exp="):
        if sum(each.name == name for each in found) > 1:
            raise Faulty(f"{name} stands there twice")
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


@dataclass
class Evaluation:
    """One question: may this address send for this sender? A receiver's limits count over all records together."""

    address: Address
    sender: str
    helo: str
    look: Look
    voids: int = VOIDS
    """Receivers allow so many; what is asked for knowledge alone may allow more."""
    _terms: int = 0
    _void: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.address = getattr(self.address, "ipv4_mapped", None) or self.address

    def of(self, domain: str, record: str) -> Outcome:
        """Return what the record, published at the domain, says of the address."""
        try:
            return self._evaluate(domain, record)
        except Faulty as error:
            return Outcome("permerror", str(error))
        except Unheard as error:
            return Outcome("temperror", str(error))

    def _evaluate(self, domain: str, record: str) -> Outcome:
        found = terms(record)
        for each in found:
            if not each.name.endswith("=") and self._matches(each, domain):
                return Outcome(QUALIFIERS[each.qualifier], each.text)
        redirect = next((each for each in found if each.name == "redirect="), None)
        if redirect is None or any(each.name == "all" for each in found):
            return Outcome("neutral")
        return self._elsewhere(redirect, domain)

    def _elsewhere(self, term: Term, domain: str) -> Outcome:
        """Evaluate the record of another domain; one without a record is an error (5.2, 6.1)."""
        self._count()
        other = self._target(term, domain)
        found = records(self._ask(other, "TXT"))
        if len(found) != 1:
            raise Faulty(f"‹{term.text}› leads to {len(found) or 'no'} SPF record{'s' if found else ''} at {other}")
        return self._evaluate(other, found[0])

    def _matches(self, term: Term, domain: str) -> bool:
        match term.name:
            case "all":
                return True
            case "ip4" | "ip6":
                return self.address in ipaddress.ip_network(str(term.parts["network"]), strict=False)
            case "include":
                return self._elsewhere(term, domain).result == "pass"
        self._count()
        target = self._target(term, domain)
        match term.name:
            case "a":
                return term.covers(self.address, self._ask(target, self._kind))
            case "exists":
                return bool(self._ask(target, "A"))
            case "mx":
                return any(term.covers(self.address, self._ask(name, self._kind)) for name in self._exchanges(target))
        wanted = target.rstrip(".").lower()
        return any(name == wanted or name.endswith(f".{wanted}") for name in self._own_names())

    @property
    def _kind(self) -> str:
        return "A" if self.address.version == 4 else "AAAA"

    def _exchanges(self, target: str) -> list[str]:
        names = [each.partition(" ")[2] for each in self._ask(target, "MX")]
        if len(names) > LOOKUPS:
            raise Faulty(f"{target} has more than {LOOKUPS} mail exchangers")
        return [each for each in names if each != "."]

    def _own_names(self) -> Iterator[str]:
        """Yield the names that the address leads to and that lead back to it (5.5); what is unheard of is no match."""
        try:
            names = self._ask(self.address.reverse_pointer, "PTR")
        except Unheard:
            return
        for name in names[:LOOKUPS]:
            try:
                if str(self.address) in self.look(name, self._kind):
                    yield name.rstrip(".").lower()
            except Unheard:
                continue

    def _own_name(self, domain: str) -> str:
        """Return the address's name for `%{p}`: the domain itself, one below it, any, or none (7.3)."""
        names = sorted(self._own_names(), key=lambda each: (each != domain, not each.endswith(f".{domain}")))
        return next(iter(names), "unknown")

    def _count(self) -> None:
        self._terms += 1
        if self._terms > LOOKUPS:
            raise Faulty(f"more than {LOOKUPS} of its terms ask the DNS")

    def _ask(self, name: str, kind: str) -> Sequence[str]:
        found = () if _unnameable(name) else self.look(name, kind)
        if not found:
            self._void.add(self._terms)
            if len(self._void) > self.voids:
                raise Faulty(f"more than {self.voids} of its terms lead nowhere, at last to {name} {kind}")
        return found

    def _target(self, term: Term, domain: str) -> str:
        """Return the term's domain with its macros expanded, cut off at the left where it is too long (7.3)."""
        if term.domain is None:
            return domain
        name = re.sub(r"%(?:([%_-])|\{(\w)(\d*)(r?)([^}]*)\})", lambda each: self._expanded(each, domain), term.domain)
        name = name.rstrip(".")
        while len(name) > LONGEST:
            name = name.partition(".")[2]
        return name

    def _expanded(self, macro: re.Match[str], domain: str) -> str:
        if macro[1]:
            return {"%": "%", "_": " ", "-": "%20"}[macro[1]]
        letter, digits, reverse, delimiters = macro[2], macro[3], macro[4], macro[5]
        if digits and int(digits) == 0:
            raise Faulty(f"{macro[0]} keeps nothing")
        local, _, host = self.sender.rpartition("@")
        value = {
            "s": self.sender,
            "l": local,
            "o": host,
            "d": domain,
            "i": _dotted(self.address),
            "p": self._own_name(domain) if letter in "pP" else "",
            "v": "in-addr" if self.address.version == 4 else "ip6",
            "h": self.helo,
        }[letter.lower()]
        parts = re.split(f"[{re.escape(delimiters or '.')}]", value)
        kept = (parts[::-1] if reverse else parts)[-int(digits or 0) :]
        return ".".join(kept)


def _dotted(address: Address) -> str:
    """Return an address as macros have it: IPv6 by its half bytes (7.3)."""
    return str(address) if address.version == 4 else ".".join(address.exploded.replace(":", ""))


def _unnameable(name: str) -> bool:
    labels = name.rstrip(".").split(".")
    return any(not 0 < len(label) <= 63 for label in labels)
