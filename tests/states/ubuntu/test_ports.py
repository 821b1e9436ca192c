"""What listens in this container, read from the kernel's tables."""

from __future__ import annotations

import socket

from states.ubuntu import ports
from states.ubuntu.ports import Socket

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0
  12: 0100007F:D431 0100007F:01BB 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0
"""
TCP6 = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4 1 0
"""


def test_tables() -> None:
    """Sockets that wait for others are read from a table with address, port and inode; connected ones are not."""
    assert list(ports.parse("tcp", TCP)) == [Socket("tcp", "127.0.0.1", 25, "1"), Socket("tcp", "0.0.0.0", 8080, "2")]
    assert list(ports.parse("tcp", TCP6)) == [Socket("tcp", "::", 443, "4")]
    assert list(ports.parse("tcp", "")) == []


def test_sockets_of_the_kernel() -> None:
    """Real sockets are found while they listen, over IPv4 and IPv6, and not after; connected ones are not."""
    with (
        socket.create_server(("127.0.0.1", 0)) as four,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as six,
        socket.create_connection(four.getsockname()) as client,
    ):
        found = {(each.address, each.port) for each in ports.sockets("tcp")}
        assert {four.getsockname()[:2], six.getsockname()[:2]} <= found
        assert client.getsockname()[:2] not in found
        port = four.getsockname()[1]
        assert port in ports.listening()
    assert port not in ports.listening()


def test_a_datagram_socket_waits_from_its_binding_on() -> None:
    """UDP knows no listening: a bound socket waits for anybody."""
    with socket.socket(type=socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        assert bound.getsockname() in {(each.address, each.port) for each in ports.sockets("udp")}
