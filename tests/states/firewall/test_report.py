"""The rules with their counters, and the listeners with who can reach them."""

from __future__ import annotations

import contextlib
import socket
import subprocess

import pytest

from states import firewall
from states.firewall import closed
from states.firewall import open as opened
from states.firewall.ports import Opening, one
from states.firewall.report import exposure, reach
from states.firewall.rules import open_rules
from tests.states.firewall.conftest import Make
from tests.states.firewall.lab import Lab

ALLOWED = (
    Opening("tcp", one("25")),
    Opening("tcp", one("7071"), ("10.0.0.0/8", "2001:db8::/32")),
    Opening("tcp", one("8000-8010"), ("2001:db8::/32",)),
)


@pytest.mark.parametrize(
    ("protocol", "address", "port", "expected"),
    [
        ("tcp", "0.0.0.0", 25, ("everywhere",)),
        ("tcp", "::", 25, ("everywhere",)),
        ("tcp", "127.0.0.1", 25, ()),
        ("tcp", "::1", 25, ()),
        ("tcp", "::ffff:127.0.0.1", 25, ()),
        ("udp", "0.0.0.0", 25, ()),
        ("tcp", "::", 11211, ()),
        ("tcp", "::", 7071, ("10.0.0.0/8", "2001:db8::/32")),
        ("tcp", "0.0.0.0", 7071, ("10.0.0.0/8",)),
        ("tcp", "2001:db8::25", 7071, ("2001:db8::/32",)),
        ("tcp", "0.0.0.0", 8005, ()),
    ],
)
def test_reach(protocol: str, address: str, port: int, expected: tuple[str, ...]) -> None:
    """A socket can be reached by whom its port, protocol and family are open to; never from outside on loopback."""
    assert reach("udp" if protocol == "udp" else "tcp", address, port, ALLOWED) == expected


def test_reach_without_a_firewall() -> None:
    """Without a table everything that is not on loopback can be reached from everywhere."""
    assert reach("tcp", "::", 11211, None) == ("everywhere",)
    assert reach("tcp", "127.0.0.1", 11211, None) == ()


@pytest.mark.root
def test_report(lab: Lab, make: Make) -> None:
    """Each rule of what is loaded has its live counts beside it, closed or open; without a table it has none."""
    ctx = make()
    assert {row.packets for row in firewall.report(ctx)[1:]} == {None}
    closed.apply(ctx)
    rows = firewall.report(ctx)
    assert rows[0].packets is not None
    assert {row.packets for row in rows[1:]} == {0}
    opened.apply(ctx)
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    rows = firewall.report(ctx)
    assert [row.counter for row in rows[1:]] == [rule.counter for rule in open_rules(ctx)]
    assert next(row for row in rows if row.counter == "loopback").packets
    assert next(row for row in rows if row.counter == "tcp_25").about == "25/tcp from everywhere"


@pytest.mark.root
def test_exposure(lab: Lab, make: Make) -> None:
    """Each listener of this network has its program, and who can reach it through the present table."""
    ctx = make(sources="7071=10.0.0.0/8")
    with contextlib.ExitStack() as stack:
        for address, port in (("0.0.0.0", 25), ("0.0.0.0", 7071), ("0.0.0.0", 11211), ("127.0.0.1", 389)):
            stack.enter_context(socket.create_server((address, port)))

        def seen() -> dict[int, tuple[str, ...]]:
            assert all(each.program for each in exposure(ctx))
            return {each.port: each.reach for each in exposure(ctx)}

        assert seen() == {25: ("everywhere",), 389: (), 7071: ("everywhere",), 11211: ("everywhere",)}
        closed.apply(ctx)
        assert set(seen().values()) == {()}
        opened.apply(ctx)
        assert seen() == {25: ("everywhere",), 389: (), 7071: ("10.0.0.0/8",), 11211: ()}
        subprocess.run(["nft", "delete", "table", "inet", "zflow"], check=True)
        assert seen()[11211] == ("everywhere",)
