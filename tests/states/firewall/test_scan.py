"""Every TCP port and a set of UDP ports, over IPv4 and IPv6, while much more listens than may be reached."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6

from states.firewall import closed as closed_step
from states.firewall import open as open_step
from tests.states.firewall.conftest import Make
from tests.states.firewall.lab import SERVER_4, SERVER_6, Lab, udp_listener
from tests.states.firewall.scan import PORTS, scan

pytestmark = pytest.mark.root

PUBLIC = {25, 80, 110, 143, 443, 465, 587, 993, 995, 5222, 5223, 7071}
INTERNAL = {
    22, 389, 636, 3443, 5229, 5269, 7025, 7072, 7073, 7110, 7143, 7171, 7306, 7307, 7780, 7993, 7995, 8080, 8443, 8465,
    10024, 10025, 10026, 10029, 10030, 10032, 11211, 11332, 23232, 23233,
}  # fmt: skip
"""Zimbra's ports behind the proxy, its directory, databases, caches and filters (zm-mailbox, zimbra-attrs.xml)."""
UDP_PORTS = (53, 67, 69, 111, 123, 137, 161, 389, 443, 514, 546, 1900, 3478, 5060, 5353, 10000, 10050, 11211)
OPEN_UDP = {5060, 10000, 10050}


@pytest.fixture
def stand_in(lab: Lab) -> Iterator[dict[int, socket.socket]]:
    """Listen on all the vendor's ports and on the UDP ports, on all addresses; return the UDP sockets."""
    with contextlib.ExitStack() as stack:
        for port in PUBLIC | INTERNAL:
            address = ("::", port)
            stack.enter_context(socket.create_server(address, family=socket.AF_INET6, dualstack_ipv6=True, backlog=512))
        yield {port: stack.enter_context(udp_listener(port)) for port in UDP_PORTS}


def reached(lab: Lab, sockets: dict[int, socket.socket]) -> tuple[set[int], int]:
    """Send a datagram to each UDP port over both families; return which got two, and how many refusals came back."""
    heads = (IP(src=lab.stranger(), dst=SERVER_4), IPv6(src=lab.stranger_6(), dst=SERVER_6))
    ports = (*UDP_PORTS, 9)
    answers = lab.exchange(head / UDP(sport=4000, dport=port) / b"x" for head in heads for port in ports)
    got = dict.fromkeys(sockets, 0)
    for port, each in sockets.items():
        with contextlib.suppress(BlockingIOError):
            while each.recv(10):
                got[port] += 1
    # Not every message of ICMPv6: the server also asks for neighbours, whatever is closed.
    refusals = sum(ICMP in each or ICMPv6DestUnreach in each for each in answers)
    return {port for port, count in got.items() if count == 2}, refusals


@pytest.mark.parametrize("family", [4, 6])
def test_only_the_configured_tcp_ports_answer(
    family: int, lab: Lab, stand_in: dict[int, socket.socket], make: Make
) -> None:
    """Of 65,535 ports none answers while closed and the configured ones when open, though without a table all do."""
    ctx, source = make(extra_tcp="8443"), lab.stranger if family == 4 else lab.stranger_6
    bare = scan(lab, source())
    assert bare.listening == PUBLIC | INTERNAL
    assert bare.refused == set(PORTS) - PUBLIC - INTERNAL
    closed_step.apply(ctx)
    closed = scan(lab, source())
    assert not closed.listening | closed.refused
    open_step.apply(ctx)
    opened = scan(lab, source())
    assert (opened.listening, opened.refused) == (PUBLIC | {8443}, set())


def test_only_the_configured_udp_ports_are_reached(lab: Lab, stand_in: dict[int, socket.socket], make: Make) -> None:
    """No datagram passes while closed, those to configured ports do when open, and no refusal is sent."""
    ctx = make(extra_udp="5060,10000-10100")
    every, refusals = reached(lab, stand_in)
    assert every == set(UDP_PORTS)
    assert refusals
    closed_step.apply(ctx)
    assert reached(lab, stand_in) == (set(), 0)
    open_step.apply(ctx)
    assert reached(lab, stand_in) == (OPEN_UDP, 0)


def test_this_machine_reaches_itself_while_closed(lab: Lab, stand_in: dict[int, socket.socket], make: Make) -> None:
    """Services talk to each other over loopback and over the machine's own addresses, whatever is closed."""
    closed_step.apply(make())
    for address in ("127.0.0.1", "::1", SERVER_4, SERVER_6):
        for port in (389, 8080, 25):
            socket.create_connection((address, port), 5).close()
