"""For each rule of the model what shows, by packets, that it acts: a check by the name of its counter.

A check is true when its packets raise the counter as they should and have the effect they should: an answer, a
connection, a route's MTU; or none at all.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6MLQuery2,
    ICMPv6MLReport2,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6ND_Redirect,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptPrefixInfo,
    ICMPv6PacketTooBig,
    ICMPv6ParamProblem,
    ICMPv6TimeExceeded,
    IPv6,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    RouterAlert,
    fragment6,
)
from scapy.packet import Packet

from states.firewall.report import counters
from tests.states.firewall.lab import GATEWAY_4, GATEWAY_6, GATEWAY_MAC, ROUTER, SERVER_4, SERVER_6, Lab, inside
from zflow.api import Context

ALLOWED_4, ALLOWED_6 = "203.0.113.9", "2001:db8:7071::9"
SOURCES = "7071=203.0.113.0/24+2001:db8:7071::/48"
CLOSED_PORT = 8080
PUBLIC = (25, 80, 110, 143, 443, 465, 587, 993, 995, 5222, 5223)
"""The ports that strangers may reach; 7071 they may not."""
IP_MTU, IP_RECVERR, IPV6_MTU, IPV6_RECVERR = 14, 11, 24, 25
"""linux/in.h, linux/in6.h."""


@dataclass
class Bench:
    """The laboratory, with somebody listening on each port."""

    lab: Lab
    ctx: Context
    tcp: dict[int, socket.socket]
    udp: dict[int, socket.socket]

    def count(self, counter: str) -> int:
        """Return how many packets a counter has counted."""
        return counters(self.ctx).get(counter, (0, 0))[0]

    def dropped(self, counter: str, packets: Iterable[Packet]) -> bool:
        """Send packets; tell whether that counter counted each of them and nothing came back."""
        before, packets = self.count(counter), list(packets)
        return not self.answers(packets) and self.count(counter) - before == len(packets)

    def answered(self, counter: str, packets: Iterable[Packet], answer: Callable[[Packet], bool]) -> bool:
        """Send packets; tell whether that counter counted each of them and each was answered so."""
        before, packets = self.count(counter), list(packets)
        answers = [each for each in self.answers(packets) if answer(each)]
        return self.count(counter) - before == len(packets) == len(answers)

    def answers(self, packets: Iterable[Packet]) -> list[Packet]:
        """Send packets; return what came back to their sources, without what the server says to others meanwhile."""
        packets = list(packets)
        sources = {address(each, "src") for each in packets}
        return [each for each in self.lab.exchange(packets) if address(each, "dst") in sources]

    def ips(self) -> tuple[Packet, Packet]:
        """Return headers from two strangers to the server."""
        return IP(src=self.lab.stranger(), dst=SERVER_4), IPv6(src=self.lab.stranger_6(), dst=SERVER_6)

    def segments(self, flags: str, port: int = 25) -> list[Packet]:
        """Return TCP segments from two strangers."""
        return [head / TCP(sport=1024 + self.lab.number(), dport=port, flags=flags) for head in self.ips()]


def is_syn_ack(packet: Packet) -> bool:
    """Tell whether a packet takes a connection."""
    return TCP in packet and packet[TCP].flags == "SA"


def address(packet: Packet, which: str) -> str | None:
    """Return the address `src` or `dst` of a packet, None where it is neither IPv4 nor IPv6."""
    head = packet.getlayer(IP) or packet.getlayer(IPv6)
    return getattr(head, which) if head is not None else None


def is_echo(packet: Packet) -> bool:
    """Tell whether a packet answers a ping."""
    return ICMPv6EchoReply in packet or (ICMP in packet and packet[ICMP].type == 0)


def flags(counter: str, *combinations: str) -> Callable[[Bench], bool]:
    """Return a check of segments with flags, over both families."""
    return lambda bench: all(bench.dropped(counter, bench.segments(each)) for each in combinations)


def fragments_4(bench: Bench) -> bool:
    """Fragments of a large ping."""
    head, _ = bench.ips()
    return bench.dropped("fragments_4", fragment(head / ICMP() / (b"x" * 3000), 1400))  # type: ignore[no-untyped-call]


def fragments_6(bench: Bench) -> bool:
    """The same over IPv6."""
    _, head = bench.ips()
    ping = head / IPv6ExtHdrFragment(id=bench.lab.number()) / ICMPv6EchoRequest(data=b"x" * 3000)
    return bench.dropped("fragments_6", fragment6(ping, 1280))  # type: ignore[no-untyped-call]


def from_loopback(bench: Bench) -> bool:
    """A SYN from a forged loopback address."""
    return bench.dropped("from_loopback", [IP(src="127.0.0.1", dst=SERVER_4) / TCP(dport=25, flags="S")])


def to_loopback(bench: Bench) -> bool:
    """A SYN to what listens on loopback alone."""
    return bench.dropped("to_loopback", [IP(src=bench.lab.stranger(), dst="127.0.0.1") / TCP(dport=25, flags="S")])


def routing_header(bench: Bench) -> bool:
    """A ping by way of a routing header of type 0."""
    _, head = bench.ips()
    way = IPv6ExtHdrRouting(type=0, segleft=1, addresses=[SERVER_6])
    return bench.dropped("routing_header", [head / way / ICMPv6EchoRequest()])


def loopback(bench: Bench) -> bool:
    """Connections of the machine to itself."""
    before = bench.count("loopback")
    try:
        for address in ("127.0.0.1", "::1", SERVER_4, SERVER_6):
            socket.create_connection((address, CLOSED_PORT), 0.5).close()
    except TimeoutError:
        return False
    return bench.count("loopback") > before


def redirect_4(bench: Bench) -> bool:
    """A better route, from the gateway itself."""
    head, _ = bench.ips()
    redirect = ICMP(type=5, code=1, gw="10.77.0.66") / IP(src=SERVER_4, dst=head.src) / UDP(dport=9)
    return bench.dropped("redirect_4", [IP(src=GATEWAY_4, dst=SERVER_4) / redirect])


def redirect_6(bench: Bench) -> bool:
    """The same over IPv6."""
    _, head = bench.ips()
    redirect = ICMPv6ND_Redirect(tgt="fe80::66", dst=head.src)
    return bench.dropped("redirect_6", [IPv6(src=ROUTER, dst=SERVER_6, hlim=255) / redirect])


def echo_large_4(bench: Bench) -> bool:
    """A ping larger than an Ethernet frame, in one piece."""
    head, _ = bench.ips()
    return bench.dropped("echo_large_4", [head / ICMP() / (b"x" * 1473)])


def echo_large_6(bench: Bench) -> bool:
    """The same over IPv6."""
    _, head = bench.ips()
    return bench.dropped("echo_large_6", [head / ICMPv6EchoRequest(data=b"x" * 1453)])


def echo_4(bench: Bench) -> bool:
    """A modest ping, up to the size of an Ethernet frame."""
    head, _ = bench.ips()
    return bench.answered("echo_4", [head / ICMP() / (b"x" * size) for size in (0, 1472)], is_echo)


def echo_6(bench: Bench) -> bool:
    """The same over IPv6."""
    _, head = bench.ips()
    return bench.answered("echo_6", [head / ICMPv6EchoRequest(data=b"x" * size) for size in (0, 1452)], is_echo)


def echo_flood_4(bench: Bench) -> bool:
    """Many pings from one address, then one from another."""
    head, _ = bench.ips()
    flood = [head / ICMP(seq=number) for number in range(60)]
    return floods(bench, "echo_flood_4", flood, is_echo) and echo_4(bench)


def echo_flood_6(bench: Bench) -> bool:
    """Many pings from the addresses of one /64, then one from another."""
    net = bench.lab.stranger_6().rpartition("::")[0]
    flood = [IPv6(src=f"{net}::{host:x}", dst=SERVER_6) / ICMPv6EchoRequest() for host in range(1, 61)]
    return floods(bench, "echo_flood_6", flood, is_echo) and echo_6(bench)


def floods(bench: Bench, counter: str, packets: Sequence[Packet], answer: Callable[[Packet], bool]) -> bool:
    """Tell whether the first of the packets were answered, and that counter counted the others."""
    before = bench.count(counter)
    answers = [each for each in bench.answers(packets) if answer(each)]
    dropped = bench.count(counter) - before
    return 0 < dropped < len(packets) == dropped + len(answers)


def syn_flood_4(bench: Bench) -> bool:
    """Many connections from one address; as many from the gateway, which stands for everybody, pass."""
    lab = bench.lab
    one, other = lab.stranger(), lab.stranger()
    if not floods(bench, "syn_flood_4", [syn(IP(src=one, dst=SERVER_4), lab) for _ in range(150)], is_syn_ack):
        return False
    passing = [IP(src=other, dst=SERVER_4), *[IP(src=GATEWAY_4, dst=SERVER_4)] * 150]
    return bench.answered("tcp_25", [syn(head, lab) for head in passing], is_syn_ack)


def syn_flood_6(bench: Bench) -> bool:
    """Many connections from the addresses of one /64; as many from the gateway pass, and those of another /64."""
    lab = bench.lab
    net, other = lab.stranger_6().rpartition("::")[0], lab.stranger_6()
    heads = [IPv6(src=f"{net}::{host:x}", dst=SERVER_6) for host in range(1, 151)]
    if not floods(bench, "syn_flood_6", [syn(head, lab) for head in heads], is_syn_ack):
        return False
    passing = [IPv6(src=other, dst=SERVER_6), *[IPv6(src=GATEWAY_6, dst=SERVER_6)] * 150]
    return bench.answered("tcp_25", [syn(head, lab) for head in passing], is_syn_ack)


def syn(head: Packet, lab: Lab, port: int = 25) -> Packet:
    """Return the beginning of a connection."""
    return head / TCP(sport=1024 + lab.number(), dport=port, flags="S")


def invalid(bench: Bench) -> bool:
    """Resets, SYN-ACKs, ping replies and ICMP errors that belong to nothing."""
    four, six = bench.ips()
    quoted, quoted_6 = IP(src=SERVER_4, dst=four.src) / UDP(dport=7), IPv6(src=SERVER_6, dst=six.src) / UDP(dport=7)
    packets = [*bench.segments("RA"), *bench.segments("SA"), four / ICMP(type=0), six / ICMPv6EchoReply()]
    packets += [four / ICMP(type=3, code=4, nexthopmtu=600) / quoted, six / ICMPv6PacketTooBig(mtu=1280) / quoted_6]
    return bench.dropped("invalid", packets)


def established(bench: Bench) -> bool:
    """What is said on connections that were let in, and replies to those of the server's own."""
    before = bench.count("established")
    with inside(bench.lab.world):
        try:
            clients = [socket.create_connection((local, 143), 0.5) for local in (SERVER_4, SERVER_6)]
        except TimeoutError:
            return False
    for client in clients:
        with client:
            client.sendall(b"a001 NOOP\r\n")
            bench.lab.exchange()
            if not _heard(bench.tcp[143]):
                return False
    return replies(bench) and bench.count("established") > before


def _heard(listener: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.setblocking(False)
                if connection.recv(100) == b"a001 NOOP\r\n":
                    return True
    return False


def replies(bench: Bench) -> bool:
    """Connections from the server to the world."""
    before = bench.count("established")
    for remote in (GATEWAY_4, GATEWAY_6):
        family = socket.AF_INET6 if ":" in remote else socket.AF_INET
        with inside(bench.lab.world):
            outside = socket.create_server((remote, 0), family=family)
        with outside:
            try:
                socket.create_connection(outside.getsockname()[:2], 0.5).close()
            except TimeoutError:
                return False
    return bench.count("established") > before


def errors_4(bench: Bench) -> bool:
    """ICMP errors about a datagram of the server's own reach the program; the path MTU is learnt."""
    errors = (ICMP(type=3, code=4, nexthopmtu=1300), ICMP(type=3, code=1), ICMP(type=11), ICMP(type=12))
    before, target = bench.count("errors_4"), bench.lab.stranger()
    with _talker(target) as talker:
        for error in errors:
            talker.send(b"question")
            (sent,) = [each[IP] for each in bench.lab.exchange() if IP in each and each[IP].dst == target]
            bench.lab.exchange([IP(src=GATEWAY_4, dst=sent.src) / error / sent])
            if _told(talker) != (error.type, error.code):
                return False
        learnt = talker.getsockopt(socket.IPPROTO_IP, IP_MTU)
    return learnt == 1300 and bench.count("errors_4") - before == len(errors)


def errors_6(bench: Bench) -> bool:
    """The same over IPv6."""
    errors = (ICMPv6PacketTooBig(mtu=1300), ICMPv6DestUnreach(code=3), ICMPv6TimeExceeded(), ICMPv6ParamProblem())
    before, target = bench.count("errors_6"), bench.lab.stranger_6()
    with _talker(target) as talker:
        for error in errors:
            talker.send(b"question")
            (sent,) = [each[IPv6] for each in bench.lab.exchange() if IPv6 in each and each[IPv6].dst == target]
            bench.lab.exchange([IPv6(src=GATEWAY_6, dst=sent.src) / error / sent])
            if _told(talker) != (error.type, error.code):
                return False
        learnt = talker.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)
    return learnt == 1300 and bench.count("errors_6") - before == len(errors)


def _talker(target: str) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET, socket.SOCK_DGRAM)
    level, option = (socket.IPPROTO_IPV6, IPV6_RECVERR) if ":" in target else (socket.IPPROTO_IP, IP_RECVERR)
    made.setsockopt(level, option, 1)
    made.connect((target, 33434))
    made.settimeout(0)
    return made


def _told(talker: socket.socket) -> tuple[int, int] | None:
    """Return type and code of the ICMP error that the program got (ip(7), IP_RECVERR)."""
    with contextlib.suppress(OSError):
        _, ancillary, _, _ = talker.recvmsg(100, 200, socket.MSG_ERRQUEUE)
        kind, code = struct.unpack_from("BB", ancillary[0][2], 5)
        return kind, code
    return None


def far_neighbours(bench: Bench) -> bool:
    """Neighbour discovery that came through a router."""
    head = IPv6(src=ROUTER, dst=SERVER_6, hlim=254)
    packets = [head / ICMPv6ND_NS(tgt=SERVER_6), head / ICMPv6ND_NA(tgt=ROUTER), head / ICMPv6ND_RA()]
    return bench.dropped("far_neighbours", packets)


def neighbours(bench: Bench) -> bool:
    """A neighbour asks and is answered; the server asks and hears the answer."""
    ask = IPv6(src=GATEWAY_6, dst=SERVER_6, hlim=255) / ICMPv6ND_NS(tgt=SERVER_6)
    if not bench.answered("neighbours", [ask], lambda each: ICMPv6ND_NA in each):
        return False
    target = f"fd77::99:{bench.lab.number():x}"
    with _talker(target) as talker:
        talker.send(b"hello")
        asked = any(ICMPv6ND_NS in each and each[ICMPv6ND_NS].tgt == target for each in bench.lab.exchange())
        told = ICMPv6ND_NA(tgt=target, R=0) / ICMPv6NDOptDstLLAddr(lladdr=GATEWAY_MAC)
        answers = bench.lab.exchange([IPv6(src=target, dst=SERVER_6, hlim=255) / told])
    return asked and any(UDP in each and each[IPv6].dst == target for each in answers)


def routers(bench: Bench) -> bool:
    """A router advertises a prefix, and the server takes an address of it."""
    number = bench.lab.number()
    prefix = ICMPv6NDOptPrefixInfo(prefix=f"fd99:{number:x}::", prefixlen=64, validlifetime=60, preferredlifetime=30)
    bench.lab.exchange([IPv6(src=ROUTER, dst="ff02::1", hlim=255) / ICMPv6ND_RA(routerlifetime=0) / prefix])
    return f"fd99{number:04x}" in Path("/proc/thread-self/net/if_inet6").read_text()


def listener_queries(bench: Bench) -> bool:
    """A router asks who listens to what, and the server reports."""
    head = IPv6(src=ROUTER, dst="ff02::1", hlim=1) / IPv6ExtHdrHopByHop(options=[RouterAlert()])
    before = bench.count("listener_queries")
    answers = bench.lab.exchange([head / ICMPv6MLQuery2(mrd=1)])
    reported = any(ICMPv6MLReport2 in each for each in answers) or bench.lab.until(ICMPv6MLReport2)
    return bench.count("listener_queries") - before == 1 and reported


def unopened(bench: Bench) -> bool:
    """Everything that nobody opened, and open ports from sources that may not."""
    four, six = bench.ips()
    packets = [*bench.segments("S", CLOSED_PORT), *bench.segments("S", 7071), four / UDP(dport=389)]
    packets += [six / UDP(dport=389), IP(src=four.src, dst=SERVER_4, proto=2) / b"\x11\0\xee\xff\0\0\0\0"]
    # A router's words from an address that no router speaks from.
    packets += [IPv6(src=GATEWAY_6, dst=SERVER_6, hlim=255) / ICMPv6ND_RA(routerlifetime=0)]
    return bench.dropped("unopened", packets)


def takes_tcp(counter: str, port: int, *sources: str) -> Callable[[Bench], bool]:
    """Return a check that connections from sources, by default from strangers, are taken."""

    def check(bench: Bench) -> bool:
        heads = [_head(source) for source in sources] or list(bench.ips())
        return bench.answered(counter, [syn(head, bench.lab, port) for head in heads], is_syn_ack)

    return check


def takes_udp(counter: str, port: int) -> Callable[[Bench], bool]:
    """Return a check that datagrams from strangers arrive."""

    def check(bench: Bench) -> bool:
        before = bench.count(counter)
        bench.lab.exchange([head / UDP(sport=4000, dport=port) / b"x" for head in bench.ips()])
        try:
            got = [bench.udp[port].recv(10) for _ in range(2)]
        except BlockingIOError:
            return False
        return got == [b"x", b"x"] and bench.count(counter) - before == 2

    return check


def _head(source: str) -> Packet:
    return IPv6(src=source, dst=SERVER_6) if ":" in source else IP(src=source, dst=SERVER_4)


CHECKS: dict[str, Callable[[Bench], bool]] = {
    **{
        each.__name__: each
        for each in (
            fragments_4, fragments_6, from_loopback, to_loopback, routing_header, loopback, redirect_4, redirect_6,
            echo_large_4, echo_large_6, echo_flood_4, echo_flood_6, echo_4, echo_6, invalid, established, errors_4,
            errors_6, far_neighbours, neighbours, routers, listener_queries, syn_flood_4, syn_flood_6, unopened,
        )
    },
    "tcp_null": flags("tcp_null", ""),
    "tcp_xmas": flags("tcp_xmas", "FPU"),
    "tcp_syn_fin": flags("tcp_syn_fin", "SF", "SFA", "SFRPAU"),
    "tcp_syn_rst": flags("tcp_syn_rst", "SR", "SRA"),
    "tcp_fin_rst": flags("tcp_fin_rst", "FR", "FRA"),
    "tcp_fin": flags("tcp_fin", "F", "FP"),
    "tcp_psh": flags("tcp_psh", "P", "PU"),
    "tcp_urg": flags("tcp_urg", "U"),
    "not_syn": flags("not_syn", "A", "PA"),
    **{f"tcp_{port}": takes_tcp(f"tcp_{port}", port) for port in PUBLIC},
    "tcp_8000_8010": takes_tcp("tcp_8000_8010", 8005),
    "tcp_7071_4": takes_tcp("tcp_7071_4", 7071, ALLOWED_4),
    "tcp_7071_6": takes_tcp("tcp_7071_6", 7071, ALLOWED_6),
    "udp_5060": takes_udp("udp_5060", 5060),
}  # fmt: skip
