"""Reading the settings: every mistake named at once, and nothing guessed."""

from __future__ import annotations

import pytest

from states.firewall import codes
from states.firewall.ports import Opening, Ports, Sources, ports, sources
from states.firewall.settings import openings
from tests.states.firewall.conftest import Make
from zflow.api import OperatorError

DEFAULT = (25, 80, 110, 143, 443, 465, 587, 993, 995, 5222, 5223, 7071)


def test_default_ports(make: Make) -> None:
    """Without settings the mail server's public ports are open to everybody, and no UDP port."""
    assert openings(make()) == tuple(Opening("tcp", Ports(port, port)) for port in DEFAULT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("25", (Ports(25, 25),)),
        ("25,443", (Ports(25, 25), Ports(443, 443))),
        (" 25 ,\n8000-8010 ", (Ports(25, 25), Ports(8000, 8010))),
        ("1,65535", (Ports(1, 1), Ports(65535, 65535))),
    ],
)
def test_ports(text: str, expected: tuple[Ports, ...]) -> None:
    """Ports and ranges stand between commas or blanks."""
    assert ports(text) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("70000", ["70000 is not between 1 and 65535"]),
        ("0", ["0 is not between"]),
        ("80-70", ["80-70 is not between"]),
        ("smtp", ["'smtp' is neither a port nor a range"]),
        ("-25", ["'-25'"]),
        ("２５", ["'２５'"]),
        ("25,25", ["named twice: 25 (in 25)"]),
        ("8000-8010,8005", ["named twice: 8005 (in 8000-8010)"]),
        ("1-9999999999", ["'1-9999999999'"]),
        ("70000,http,25,25", ["70000", "'http'", "named twice: 25"]),
    ],
)
def test_wrong_ports(text: str, named: list[str]) -> None:
    """Every wrong port of a list is named in one sentence."""
    with pytest.raises(ValueError) as caught:
        ports(text)
    assert [word for word in named if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("7071=10.0.0.0/8", (Sources("tcp", Ports(7071, 7071), ("10.0.0.0/8",)),)),
        (
            "7071=2001:db8::/32+10.0.0.0/8,5060/udp=192.0.2.7",
            (
                Sources("tcp", Ports(7071, 7071), ("10.0.0.0/8", "2001:db8::/32")),
                Sources("udp", Ports(5060, 5060), ("192.0.2.7/32",)),
            ),
        ),
        (
            "53/tcp=::1 53/udp=::1",
            (Sources("tcp", Ports(53, 53), ("::1/128",)), Sources("udp", Ports(53, 53), ("::1/128",))),
        ),
        ("22=10.0.0.0/8+10.1.0.0/16+10.0.0.0/8", (Sources("tcp", Ports(22, 22), ("10.0.0.0/8",)),)),
        ("8000-8010=192.0.2.0/25+192.0.2.128/25", (Sources("tcp", Ports(8000, 8010), ("192.0.2.0/24",)),)),
    ],
)  # fmt: skip
def test_sources(text: str, expected: tuple[Sources, ...]) -> None:
    """A port's sources are joined by +; those inside others, which nftables would refuse, are left out."""
    assert sources(text) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("7071", ["'7071' is not PORT=NETWORK"]),
        ("7071=", ["'7071='"]),
        ("7071=10.0.0.0/33", ["'10.0.0.0/33' is not an address or network"]),
        ("7071=10.0.0.1/8", ["host bits"]),
        ("7071/sctp=10.0.0.0/8", ["neither with /tcp nor with /udp"]),
        ("7071=10.0.0.0/8,7071/tcp=::/0", ["named twice: 7071"]),
        ("70000=10.0.0.0/8,22=ten,22", ["70000", "'ten'", "'22' is not PORT"]),
    ],
)
def test_wrong_sources(text: str, named: list[str]) -> None:
    """Every wrong item of a list is named in one sentence."""
    with pytest.raises(ValueError) as caught:
        sources(text)
    assert [word for word in named if word not in str(caught.value)] == []


def test_all_mistakes_at_once(make: Make) -> None:
    """Mistakes in several settings come together, each with its variable and an example."""
    with pytest.raises(OperatorError) as caught:
        make(tcp="25,70000", extra_tcp="x", extra_udp="53,53", sources="7071=10.0.0.1/8", rate="fast")
    lines = caught.value.detail.splitlines()
    assert len(lines) == 6
    for line, name in zip(lines[1:], ("TCP", "EXTRA_TCP", "EXTRA_UDP", "SOURCES", "RATE"), strict=True):
        assert f"ZFLOW_FIREWALL_{name}: " in line
        assert "(example: " in line


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"sources": "7072=10.0.0.0/8"}, ["7072/tcp is not among the open ports"]),
        ({"sources": "7071/udp=10.0.0.0/8"}, ["7071/udp is not among"]),
        ({"extra_tcp": "7000-7100"}, ["7000-7100 is already open by ZFLOW_FIREWALL_TCP, as 7071"]),
        ({"extra_tcp": "25", "sources": "1=::/0,2=::/0"}, ["1/tcp", "2/tcp", "25 is already open"]),
    ],
)
def test_contradictions(settings: dict[str, str], named: list[str], make: Make) -> None:
    """Settings that contradict each other are refused together, for a guess could open a port to everybody."""
    with pytest.raises(OperatorError) as caught:
        openings(make(**settings))
    assert caught.value.code is codes.CONTRADICTION
    assert [word for word in named if word not in caught.value.detail] == []


def test_openings(make: Make) -> None:
    """The lists add up, and sources go to exactly the port they were given for."""
    found = openings(make(tcp="443,25", extra_tcp="2525", extra_udp="5060", sources="25=::/0,5060/udp=10.0.0.0/8"))
    assert [(str(each), each.sources) for each in found] == [
        ("25/tcp", ("::/0",)), ("443/tcp", ()), ("2525/tcp", ()), ("5060/udp", ("10.0.0.0/8",)),
    ]  # fmt: skip
