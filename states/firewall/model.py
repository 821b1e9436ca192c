"""The firewall as data: what is dropped, what passes, in which order. `render` makes nftables text from it.

Three chains see each packet from outside in turn: `fragments` before the kernel joins fragments, `bogus` before it
tracks connections, `input` for packets to this machine. Each rule counts, with its counter's name as a comment:
separate counter objects make a load a tenth slower.

The model has no rule against packets from or to ::1 from outside: the kernel drops them before nftables (RFC 4291,
2.5.3; net/ipv6/ip6_input.c, ip6_rcv_core). The report shows its counter, Ip6InHdrErrors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from states.firewall.ports import Opening
from states.ubuntu.gateways import Gateways

Verdict = Literal["accept", "drop"]
Hook = Literal["prerouting", "input"]


@dataclass(frozen=True)
class Chain:
    """A chain at a hook of the kernel; numbers are those of linux/netfilter_ipv4.h, enum nf_ip_hook_priorities."""

    name: str
    hook: Hook
    priority: int
    policy: Verdict


FRAGMENTS = Chain("fragments", "prerouting", -450, "accept")
"""NF_IP_PRI_RAW_BEFORE_DEFRAG."""
BOGUS = Chain("bogus", "prerouting", -300, "accept")
"""NF_IP_PRI_RAW: packets without fragments, not yet tracked."""
INPUT = Chain("input", "input", 0, "drop")
"""NF_IP_PRI_FILTER."""
CHAINS = (FRAGMENTS, BOGUS, INPUT)


@dataclass(frozen=True)
class Meter:
    """A set of at most `size` sources with the recent rate of each; more sources are not limited.

    The kernel allocates all of it when the table is loaded (net/netfilter/nft_set_hash.c, nft_rhash_init).
    """

    name: str
    type: Literal["ipv4_addr", "ipv6_addr"]
    size: int
    timeout: str = "1m"


SYN_4, SYN_6 = Meter("syn_4", "ipv4_addr", 16384), Meter("syn_6", "ipv6_addr", 16384)
ECHO_4, ECHO_6 = Meter("echo_4", "ipv4_addr", 4096), Meter("echo_6", "ipv6_addr", 4096)


@dataclass(frozen=True)
class Rule:
    """One rule: `match` in the syntax of nft(8); `counter` is its name."""

    chain: Chain
    counter: str
    match: str
    verdict: Verdict
    about: str
    meter: Meter | None = None
    """The set that `match` updates."""


@dataclass(frozen=True)
class Flags:
    """A combination of TCP flags that no normal sender uses: of `among` exactly `set` are set."""

    counter: str
    set: tuple[str, ...]
    among: tuple[str, ...]
    about: str


ALL_FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg")
FLAGS = (
    Flags("tcp_null", (), ALL_FLAGS, "TCP without any flag"),
    Flags("tcp_xmas", ("fin", "psh", "urg"), ALL_FLAGS, "TCP with FIN, PSH and URG (Xmas scan)"),
    Flags("tcp_syn_fin", ("fin", "syn"), ("fin", "syn"), "TCP with SYN and FIN"),
    Flags("tcp_syn_rst", ("syn", "rst"), ("syn", "rst"), "TCP with SYN and RST"),
    Flags("tcp_fin_rst", ("fin", "rst"), ("fin", "rst"), "TCP with FIN and RST"),
    Flags("tcp_fin", ("fin",), ("fin", "ack"), "TCP with FIN, without ACK"),
    Flags("tcp_psh", ("psh",), ("psh", "ack"), "TCP with PSH, without ACK"),
    Flags("tcp_urg", ("urg",), ("ack", "urg"), "TCP with URG, without ACK"),
)
"""RFC 9293, 3.10.7: after the handshake's SYN every segment but a reset has ACK. Counters depend on the order."""

ICMP, ICMP_6 = 1, 58
"""Protocol numbers (IANA). For names nft would ask the system's name services, which takes as long as ten rules."""
ERRORS_4 = ("destination-unreachable", "time-exceeded", "parameter-problem")
"""ICMP errors that TCP and path MTU discovery need (RFC 1122, 3.2.2; RFC 1191)."""
ERRORS_6 = ("destination-unreachable", "packet-too-big", "time-exceeded", "parameter-problem")
"""RFC 4890, 4.4.1."""
NEIGHBOURS = ("nd-neighbor-solicit", "nd-neighbor-advert")
ROUTERS = ("nd-router-advert",)
NEAR = 255
"""Hop limit of neighbour discovery: a packet that was forwarded even once is forged (RFC 4861, 7.1)."""
LARGEST_ECHO = 1500
"""Bytes of an echo request with its headers: one Ethernet frame, so that path MTU can be measured."""
ECHO_RATE, ECHO_BURST = 10, 20
"""Echo requests per second from one source, and how many at once."""
BURST = 3
"""So many seconds' worth of new connections may come at once."""
SLASH_64 = "ffff:ffff:ffff:ffff::"
"""One IPv6 customer has at least a /64, and so any number of addresses (RFC 6177)."""


def closed(early: tuple[Opening, ...] = ()) -> tuple[Rule, ...]:
    """Return the rules of a closed machine, with the early openings: only replies to its own connections come in."""
    return (*_fragments(), *_bogus(), *_before_ports(), *_openings(early), UNOPENED)


def opened(openings: tuple[Opening, ...], gateways: Gateways, rate: int) -> tuple[Rule, ...]:
    """Return the closed rules with the openings; `rate`: new connections per source and second, 0 for no limit."""
    limits = _limits(openings, gateways, rate) if rate else ()
    return (*closed()[:-1], *limits, *_openings(openings), UNOPENED)


UNOPENED = Rule(INPUT, "unopened", "", "drop", "everything else")
"""A rule in addition to the chain's policy, because a policy has no counter."""


def _fragments() -> Iterator[Rule]:
    about = "fragments of {}: only pings have them, also the ping of death"
    yield Rule(FRAGMENTS, "fragments_4", f"ip protocol {ICMP} ip frag-off & 0x3fff != 0", "drop", about.format("ICMP"))
    yield Rule(FRAGMENTS, "fragments_6", f"frag nexthdr {ICMP_6}", "drop", about.format("ICMPv6"))


def _bogus() -> Iterator[Rule]:
    outside = 'iif != "lo"'
    loopback = "127.0.0.0/8"
    yield Rule(BOGUS, "from_loopback", f"{outside} ip saddr {loopback}", "drop", f"from {loopback}, from outside")
    yield Rule(BOGUS, "to_loopback", f"{outside} ip daddr {loopback}", "drop", f"to {loopback}, from outside")
    yield Rule(BOGUS, "routing_header", "rt type 0", "drop", "IPv6 routing header type 0 (RFC 5095)")
    for each in FLAGS:
        some = " | ".join(each.set) or "0x0"
        yield Rule(BOGUS, each.counter, f"tcp flags & ({' | '.join(each.among)}) == {some}", "drop", each.about)


def _before_ports() -> Iterator[Rule]:
    """Yield the rules of `input` before the ports, the same in both tables.

    Echo requests come before `established`, because a ping that continues is established.
    """
    yield Rule(INPUT, "loopback", 'iif "lo"', "accept", "from this machine to itself")
    yield Rule(INPUT, "redirect_4", "icmp type redirect", "drop", "ICMP redirects: nobody may change routes")
    yield Rule(INPUT, "redirect_6", "icmpv6 type nd-redirect", "drop", "ICMPv6 redirects: the same")
    yield from _echo("_4", "icmp type echo-request", "ip saddr", ECHO_4)
    yield from _echo("_6", "icmpv6 type echo-request", f"ip6 saddr & {SLASH_64}", ECHO_6)
    yield Rule(INPUT, "invalid", "ct state invalid", "drop", "packets that fit no connection")
    yield Rule(INPUT, "established", "ct state established", "accept", "accepted connections, and replies")
    yield _accept("errors_4", f"ct state related icmp type {_set(ERRORS_4)}", "ICMP errors of known connections")
    yield _accept("errors_6", f"ct state related icmpv6 type {_set(ERRORS_6)}", "ICMPv6 errors of known connections")
    near = f"icmpv6 type {_set((*NEIGHBOURS, *ROUTERS))} ip6 hoplimit != {NEAR}"
    yield Rule(INPUT, "far_neighbours", near, "drop", f"neighbour discovery with a hop limit other than {NEAR}")
    yield _accept("neighbours", f"icmpv6 type {_set(NEIGHBOURS)}", "neighbour discovery")
    yield _accept("routers", f"icmpv6 type {_set(ROUTERS)} ip6 saddr fe80::/10", "router advertisements")
    mld = "icmpv6 type mld-listener-query ip6 hoplimit 1 ip6 saddr fe80::/10"
    yield _accept("listener_queries", mld, "multicast listener queries (RFC 3810, 5.1.14)")
    unsolicited = "ct state new tcp flags & (fin | syn | rst | ack) != syn"
    yield Rule(INPUT, "not_syn", unsolicited, "drop", "TCP that does not begin with SYN")


def _echo(family: str, match: str, source: str, meter: Meter) -> Iterator[Rule]:
    large, flood = f"{match} meta length > {LARGEST_ECHO}", f"{match} {_over(meter, source, ECHO_RATE, ECHO_BURST)}"
    yield Rule(INPUT, f"echo_large{family}", large, "drop", f"echo requests larger than {LARGEST_ECHO} bytes")
    about = f"more than {ECHO_RATE} echo requests a second"
    yield Rule(INPUT, f"echo_flood{family}", flood, "drop", about, meter)
    yield Rule(INPUT, f"echo{family}", match, "accept", "echo requests")


def _limits(openings: tuple[Opening, ...], gateways: Gateways, rate: int) -> Iterator[Rule]:
    """Yield the limits on new connections to the open ports; not for gateways, behind which everybody may be."""
    open_tcp = _set(str(each.ports) for each in openings if each.protocol == "tcp")
    if open_tcp == _set(()):
        return
    about = f"more than {rate} new connections a second from one"
    for counter, family, mask, meter, spared, source in (
        ("syn_flood_4", "ip", "", SYN_4, gateways.four, "address"),
        ("syn_flood_6", "ip6", f" & {SLASH_64}", SYN_6, gateways.six, "/64"),
    ):
        others = f"{family} saddr != {_set(spared)} " if spared else ""
        over = _over(meter, f"{family} saddr{mask}", rate, rate * BURST)
        yield Rule(INPUT, counter, f"tcp dport {open_tcp} {others}{over}", "drop", f"{about} {source}", meter)


def _openings(openings: tuple[Opening, ...]) -> Iterator[Rule]:
    for each in openings:
        name, match = counter_of(each), f"{each.protocol} dport {each.ports}"
        if not each.sources:
            yield _accept(name, match, f"{each} from everywhere")
        for family, version in (("ip", 4), ("ip6", 6)):
            if some := each.of_family(version):
                about = f"{each} from {', '.join(some)}"
                yield _accept(f"{name}_{version}", f"{family} saddr {_set(some)} {match}", about)


def counter_of(opening: Opening) -> str:
    """Return the name of an opening's counter."""
    return f"{opening.protocol}_{str(opening.ports).replace('-', '_')}"


def _accept(counter: str, match: str, about: str) -> Rule:
    return Rule(INPUT, counter, match, "accept", about)


def _over(meter: Meter, source: str, rate: int, burst: int) -> str:
    return f"update @{meter.name} {{ {source} limit rate over {rate}/second burst {burst} packets }}"


def _set(values: Iterator[str] | tuple[str, ...]) -> str:
    return f"{{ {', '.join(values)} }}"
