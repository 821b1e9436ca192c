"""ICMP errors about nothing that this machine said, where another program's table has them pass untracked."""

from __future__ import annotations

import subprocess

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6
from scapy.packet import Packet

from tests.states.firewall.lab import GATEWAY_4, GATEWAY_6, SERVER_4, SERVER_6
from tests.states.firewall.packets import Bench
from tests.states.firewall.test_packets import RULES, bench, load

__all__ = ["bench"]
UNTRACKED = """\
table inet other {
	chain raw {
		type filter hook prerouting priority raw; policy accept;
		meta l4proto { icmp, ipv6-icmp } notrack
	}
}
"""
"""What is untracked is not invalid, and has not been looked up among the connections."""


def error(family: int, stranger: Packet) -> Packet:
    """Return an error from the gateway about a datagram that the server never sent to the stranger."""
    if family == 4:
        return IP(src=GATEWAY_4, dst=SERVER_4) / ICMP(type=3, code=1) / IP(src=SERVER_4, dst=stranger.src) / UDP()
    quoted = IPv6(src=SERVER_6, dst=stranger.src) / UDP()
    return IPv6(src=GATEWAY_6, dst=SERVER_6) / ICMPv6DestUnreach(code=3) / quoted


@pytest.mark.root
@pytest.mark.parametrize("family", [4, 6])
def test_unsolicited_icmp_errors_are_dropped(family: int, bench: Bench) -> None:
    """An ICMP error passes only where it is about a known connection, not because it is an error."""
    load(RULES)
    subprocess.run(["nft", "--file", "-"], input=UNTRACKED, text=True, check=True)
    assert bench.dropped("unopened", [error(family, bench.ips()[family == 6])])
    assert bench.count(f"errors_{family}") == 0
