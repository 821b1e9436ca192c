"""Name servers on loopback addresses, one port for all: two with authority over the test's zones, and a resolver."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset

from states.hardening.published import Published

Zone = dict[tuple[str, str], list[str]]
"""Values in the form of a zone file, by owner and kind."""
Reply = Callable[[dns.message.QueryMessage, Zone], bytes | None]
RESOLVER, FIRST, SECOND = "127.0.0.1", "127.0.0.2", "127.0.0.3"
ZONES = ("example.test", "113.0.203.in-addr.arpa", "example.net", "signer.test")


@dataclass
class NameServer:
    """One server; `zone` and `reply` may be changed while it serves."""

    address: str
    zone: Zone
    reply: Reply
    asked: list[str] = field(default_factory=list)

    def answer(self, packet: bytes) -> bytes | None:
        """Return the reply to one message; None stays silent."""
        question = dns.message.from_wire(packet)
        assert isinstance(question, dns.message.QueryMessage)
        self.asked.append(str(question.question[0]))
        return self.reply(question, self.zone)


def found(question: dns.message.QueryMessage, zone: Zone) -> dns.message.QueryMessage:
    """Return the answer of one who knows the zones: values, a CNAME, or that there is nothing."""
    answer = dns.message.make_response(question)
    assert isinstance(answer, dns.message.QueryMessage)
    asked = question.question[0]
    owner, kind = asked.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked.rdtype)
    zone = {(name.lower(), each): values for (name, each), values in zone.items()}
    values = zone.get((owner, kind)) or []
    alias = zone.get((owner, "CNAME")) or []
    if values:
        answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, *values))
    elif alias:
        answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", "CNAME", *alias))
    elif not any(name == owner for name, _ in zone):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer


def authority(question: dns.message.QueryMessage, zone: Zone) -> bytes:
    """Reply as a server with authority."""
    answer = found(question, zone)
    answer.flags |= dns.flags.AA
    return answer.to_wire()


def lame(question: dns.message.QueryMessage, zone: Zone) -> bytes:
    """Reply as a server that does not know the zone."""
    answer = dns.message.make_response(question)
    answer.set_rcode(dns.rcode.REFUSED)
    return answer.to_wire()


def hearsay(question: dns.message.QueryMessage, zone: Zone) -> bytes:
    """Reply what others said, without authority."""
    return found(question, zone).to_wire()


def rubbish(question: dns.message.QueryMessage, zone: Zone) -> bytes:
    """Reply something that is not a message, under the right number."""
    return question.to_wire()[:2] + b"\x80"


def silent(question: dns.message.QueryMessage, zone: Zone) -> None:
    """Stay silent."""


def in_turn(*replies: Reply) -> Reply:
    """Reply in another way each time a record is asked for, the last one ever after."""
    left = list(replies)

    def reply(question: dns.message.QueryMessage, zone: Zone) -> bytes | None:
        return (left.pop(0) if len(left) > 1 else left[0])(question, zone)

    return reply


class _Udp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        packet, channel = self.request
        server = self.server
        assert isinstance(server, _UdpServer)
        answer = server.names.answer(packet)
        if answer is not None:
            if len(answer) > server.limit:
                short = dns.message.make_response(dns.message.from_wire(packet))
                short.flags |= dns.flags.TC | dns.flags.AA
                answer = short.to_wire()
            channel.sendto(answer, self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _TcpServer)
        (length,) = struct.unpack("!H", self.rfile.read(2))
        answer = server.names.answer(self.rfile.read(length))
        if answer is not None:
            self.wfile.write(struct.pack("!H", len(answer)) + answer)


class _UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True
    names: NameServer
    limit = 1232


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    names: NameServer


@dataclass
class World:
    """All servers of a test, and how to look at them."""

    port: int
    first: NameServer
    second: NameServer
    zone: Zone
    """Both have it until a test gives one of them another zone."""
    limits: list[_UdpServer] = field(default_factory=list)

    def published(self, timeout: float = 2.0) -> Published:
        """Return what looks at this world."""
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [RESOLVER]
        resolver.port = self.port
        resolver.lifetime = 10.0
        return Published(resolver, port=self.port, timeout=timeout)


@contextmanager
def world(zone: Zone) -> Iterator[World]:
    """Serve a zone's records by two servers with authority, and everything about the servers by a resolver."""
    delegations: Zone = {("ns1.example.test", "A"): [FIRST], ("ns2.example.test", "A"): [SECOND]}
    for name in ZONES:
        delegations[(name, "NS")] = ["ns1.example.test.", "ns2.example.test."]
        delegations[(name, "SOA")] = [f"ns1.example.test. admin.{name}. 1 3600 600 86400 60"]
    servers = [
        NameServer(RESOLVER, delegations, hearsay),
        NameServer(FIRST, zone, authority),
        NameServer(SECOND, zone, authority),
    ]
    with ExitStack() as stack:
        port = _free_port()
        made = World(port, servers[1], servers[2], zone)
        for each in servers:
            udp = stack.enter_context(_UdpServer((each.address, port), _Udp))
            tcp = stack.enter_context(_TcpServer((each.address, port), _Tcp))
            udp.names = tcp.names = each
            made.limits.append(udp)
            for server in (udp, tcp):
                threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
                stack.callback(server.shutdown)
        yield made


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((RESOLVER, 0))
        return int(probe.getsockname()[1])
