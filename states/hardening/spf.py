"""SPF as a receiver of mail evaluates it: the terms from left to right, for one address. Numbers: sections of RFC 7208.

No network here: the caller brings the look into the DNS. Explanations (`exp=`) decide nothing and are only parsed.

Own code, because pyspf (last release: 2020) has resolver and limits as globals of its module, and spftrace is a beta.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Literal

from states.hardening.spf_terms import Address, Faulty, Term, terms

Result = Literal["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"]
Look = Callable[[str, str], Sequence[str]]
"""Returns the values at a name and kind (A, AAAA, MX, PTR, TXT), none where there is none; raises Unheard."""

QUALIFIERS: dict[str, Result] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
LOOKUPS = 10
"""Terms of one evaluation that ask the DNS; also the names of one `mx` or `ptr` (4.6.4)."""
VOIDS = 2
"""Terms of one evaluation that may find nothing in the DNS (4.6.4)."""
LONGEST = 253
"""Characters of a name (7.3)."""


class Unheard(Exception):
    """The DNS did not answer; the text names the servers that were asked."""


@dataclass(frozen=True)
class Outcome:
    """The result for an address, and the term or the reason that decided; empty where no term matched."""

    result: Result
    why: str = ""


def records(texts: Sequence[str]) -> list[str]:
    """Return those of a name's texts that are SPF records (4.5)."""
    return [each for each in texts if re.match(r"v=spf1(?: |$)", each, re.IGNORECASE)]


@dataclass
class Evaluation:
    """One question: may this address send for this sender? A receiver's limits count over all records together."""

    address: Address
    sender: str
    helo: str
    look: Look
    voids: int = VOIDS
    """As many as receivers allow; a caller who only wants to know where a record leads may allow more."""
    _terms: int = 0
    _void: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.address = getattr(self.address, "ipv4_mapped", None) or self.address

    def of(self, domain: str, record: str) -> Outcome:
        """Return the result of the record, published at the domain, for the address."""
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
        """Evaluate the record of another domain; a domain without a record is an error (5.2, 6.1)."""
        self._count()
        other = self._target(term, domain)
        found = records(self._ask(other, "TXT"))
        if len(found) != 1:
            raise Faulty(f"‹{term.text}› leads to {len(found) or 'no'} SPF record{'s' if found else ''} at {other}")
        return self._evaluate(other, found[0])

    def _matches(self, term: Term, domain: str) -> bool:
        """Tell whether a mechanism matches (5)."""
        match term.name:
            case "all":
                return True
            case "ip4" | "ip6":
                return self.address in ip_network(str(term.parts["network"]), strict=False)
            case "include":
                return self._elsewhere(term, domain).result == "pass"
        self._count()
        target = self._target(term, domain)
        match term.name:
            case "a":
                return self._covered(term, target)
            case "exists":
                return bool(self._ask(target, "A"))
            case "mx":
                return any(self._covered(term, name) for name in self._exchanges(target))
        return any(_below(name, target.lower()) for name in self._own_names())

    def _covered(self, term: Term, name: str) -> bool:
        return term.covers(self.address, self._ask(name, self._kind))

    @property
    def _kind(self) -> str:
        return "A" if self.address.version == 4 else "AAAA"

    def _exchanges(self, target: str) -> list[str]:
        names = [each.partition(" ")[2] for each in self._ask(target, "MX")]
        if len(names) > LOOKUPS:
            raise Faulty(f"{target} has more than {LOOKUPS} mail exchangers")
        return [each for each in names if each != "."]

    def _own_names(self) -> Iterator[str]:
        """Yield the names of the address that lead back to it (5.5); a name whose servers do not answer is left out."""
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
        return min(self._own_names(), key=lambda each: (each != domain, not _below(each, domain)), default="unknown")

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
            raise Faulty(f"{macro[0]} keeps no part")
        parts = re.split(f"[{re.escape(delimiters or '.')}]", self._value(letter.lower(), domain))
        return ".".join((parts[::-1] if reverse else parts)[-int(digits or 0) :])

    def _value(self, letter: str, domain: str) -> str:
        """Return what a macro's letter stands for (7.2)."""
        if letter == "p":
            return self._own_name(domain)
        local, _, host = self.sender.rpartition("@")
        family = "in-addr" if self.address.version == 4 else "ip6"
        address = _dotted(self.address)
        return {
            "s": self.sender, "l": local, "o": host, "d": domain, "i": address, "v": family, "h": self.helo
        }[letter]  # fmt: skip


def _dotted(address: Address) -> str:
    """Return an address as macros have it: IPv6 by its half bytes (7.3)."""
    return str(address) if address.version == 4 else ".".join(address.exploded.replace(":", ""))


def _below(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


def _unnameable(name: str) -> bool:
    labels = name.rstrip(".").split(".")
    return any(not 0 < len(label) <= 63 for label in labels)
