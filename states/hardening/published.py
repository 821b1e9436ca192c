"""Looks at the records in the DNS: at each server with authority over the zone, not at a cache.

Only `zflow dns --check` loads this module, and with it dnspython; walker and supervisor do not. A record counts as bad
at a server only when two of three questions find it so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.resolver

from states.hardening import spf
from states.hardening.compare import Comparison, Verdict, compare
from states.hardening.zone import Record

TRIES = 3
MAJORITY = 2
CHAIN = 5
"""CNAMEs that are followed from one zone to another."""


@dataclass(frozen=True)
class Finding:
    """What the servers with authority say about a record, or (kind NS) what is wrong with such a server."""

    name: str
    kind: str
    state: Verdict
    why: str
    wanted: str = ""


@dataclass(frozen=True)
class Server:
    """One server of a zone."""

    name: str
    address: str


class Silent(Exception):
    """A server did not answer, or not with authority; the text says how."""


@dataclass
class Published:
    """Asks name servers over the network. `port` and `timeout` (seconds) are for tests and slow networks."""

    resolver: dns.resolver.Resolver
    port: int = 53
    timeout: float = 2.0
    _zones: dict[dns.name.Name, tuple[dns.name.Name, list[Server]]] = field(default_factory=dict)
    _silent: dict[Server, str] = field(default_factory=dict)
    _looked: dict[tuple[str, str], list[str] | spf.Unheard] = field(default_factory=dict)

    def check(self, wanted: list[Record]) -> Iterator[Finding]:
        """Yield a finding for each record, then one for each server that did not answer properly."""
        for record in wanted:
            if record.purpose == "dkim" and not record.value:
                yield Finding(record.name, record.kind, "unknown", record.about)
            else:
                yield self._finding(record, wanted)
        for server, how in self._silent.items():
            yield Finding(server.name, "NS", "wrong", f"{server.address} {how}")

    def _finding(self, record: Record, wanted: list[Record]) -> Finding:
        def result(state: Verdict, why: str) -> Finding:
            return Finding(record.name, record.kind, state, why, record.value)

        try:
            servers = self._servers(dns.name.from_text(record.name))[1]
        except dns.resolver.NoRootSOA:
            return result("unknown", "the zone's name servers cannot be found: no server knows the name or its parents")
        except (Silent, dns.exception.DNSException) as error:
            return result("unknown", f"the zone's name servers cannot be found: {error}")
        answers: dict[Server, Comparison] = {}
        for server in servers:
            if server in self._silent:
                continue
            try:
                answers[server] = self._majority(server, record, wanted)
            except Silent as error:
                self._silent[server] = str(error)
        if not answers:
            return result("unknown", f"none of the zone's name servers answers: {_names(servers)}")
        bad = {server: found for server, found in answers.items() if found[0] != "right"}
        if not bad:
            return result("right", next(iter(answers.values()))[1])
        verdict, why = next(iter(bad.values()))
        return result(verdict, why if len(bad) == len(answers) else f"{why} (only at {_names(bad)})")

    def look(self, name: str, kind: str) -> list[str]:
        """Return the values at a name from the first of its zone's servers that answers; raises Unheard."""
        key = (name.rstrip(".").lower(), kind)
        if key not in self._looked:
            try:
                self._looked[key] = self._elsewhere(dns.name.from_text(name), kind, 0)
            except (Silent, dns.exception.DNSException):
                self._looked[key] = spf.Unheard(f"the name servers of {key[0]} do not answer")
        found = self._looked[key]
        if isinstance(found, spf.Unheard):
            raise found
        return found

    def _majority(self, server: Server, record: Record, wanted: list[Record]) -> Comparison:
        """Ask up to three times: one good answer is enough; a bad answer, or none, needs a second of its kind."""
        wrong: list[Comparison] = []
        silent: list[Silent] = []
        for _ in range(TRIES):
            try:
                found = compare(record, self._values(server, record.name, record.kind), wanted, self.look)
            except Silent as error:
                silent.append(error)
            else:
                if found[0] == "right":
                    return found
                wrong.append(found)
            if len(wrong) == MAJORITY:
                return wrong[0]
            if len(silent) == MAJORITY:
                raise silent[0]
        raise AssertionError("two of three answers are of one kind")

    def _values(self, server: Server, name: str, kind: str, depth: int = 0) -> list[str]:
        """Return the values at one server; a CNAME into another zone is followed at that zone's servers."""
        question = dns.message.make_query(name, kind, want_dnssec=False)
        question.flags &= ~dns.flags.RD
        try:
            answer, _ = dns.query.udp_with_fallback(question, server.address, timeout=self.timeout, port=self.port)
        except dns.exception.Timeout:
            raise Silent("does not answer") from None
        except (OSError, dns.exception.DNSException, ValueError) as error:
            raise Silent(f"gives an answer that cannot be read: {type(error).__name__}") from None
        if answer.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
            raise Silent(f"answers {dns.rcode.to_text(answer.rcode())}")
        if not answer.flags & dns.flags.AA:
            raise Silent("has no authority over the zone that names it")
        assert isinstance(answer, dns.message.QueryMessage)
        try:
            chain = answer.resolve_chaining()
        except dns.exception.DNSException as error:
            raise Silent(f"gives an answer that cannot be read: {type(error).__name__}") from None
        if chain.answer is None and chain.cnames and depth < CHAIN:
            return self._elsewhere(chain.canonical_name, kind, depth + 1)
        return [_text(each) for each in chain.answer or ()]

    def _elsewhere(self, name: dns.name.Name, kind: str, depth: int) -> list[str]:
        for server in self._servers(name)[1]:
            try:
                return self._values(server, name.to_text(), kind, depth)
            except Silent:
                continue
        raise Silent(f"leads to {name.to_text(omit_final_dot=True)}, whose name servers do not answer")

    def _servers(self, name: dns.name.Name) -> tuple[dns.name.Name, list[Server]]:
        """Return the zone that a name is in, and its servers. Raises Silent and DNSException."""
        if name not in self._zones:
            zone = dns.resolver.zone_for_name(name, resolver=self.resolver, lifetime=self.timeout * TRIES)
            hosts = [str(each.target) for each in self.resolver.resolve(zone, "NS")]
            servers = [Server(host.rstrip("."), address) for host in sorted(hosts) for address in self._address(host)]
            if not servers:
                raise Silent(f"{zone} has no name server with an address")
            self._zones[name] = (zone, servers)
        return self._zones[name]

    def _address(self, host: str) -> list[str]:
        """Return one address of a host, IPv4 where there is one."""
        for kind in ("A", "AAAA"):
            try:
                return [next(str(each) for each in self.resolver.resolve(host, kind))]
            except (dns.exception.DNSException, StopIteration):
                continue
        return []


def _text(value: dns.rdata.Rdata) -> str:
    """Return a value for comparison: the strings of a text joined, all else as in a zone file."""
    if value.rdtype == dns.rdatatype.TXT:
        pieces: Iterable[bytes] = value.strings  # type: ignore[attr-defined]
        return b"".join(pieces).decode("utf-8", "replace")
    return value.to_text()


def _names(servers: Iterable[Server]) -> str:
    return ", ".join(each.name for each in servers)
