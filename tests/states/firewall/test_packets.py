"""Real packets show that every rule of the model acts, and that its absence is noticed."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6

from states.firewall.model import Rule, closed
from states.firewall.model import opened as model_of
from states.firewall.ports import Opening, one
from states.firewall.render import render
from states.firewall.rules import open_rules
from states.ubuntu.gateways import Gateways
from tests.states.firewall.conftest import Make
from tests.states.firewall.lab import GATEWAY_4, GATEWAY_6, SERVER_6, Lab, udp_listener
from tests.states.firewall.packets import CHECKS, CLOSED_PORT, PUBLIC, SOURCES, Bench, replies

RATE = 20
OPENINGS = (
    *(Opening("tcp", one(str(port))) for port in PUBLIC),
    Opening("tcp", one("7071"), ("203.0.113.0/24", "2001:db8:7071::/48")),
    Opening("tcp", one("8000-8010")),
    Opening("udp", one("5060")),
)
RULES = model_of(OPENINGS, Gateways((GATEWAY_4,), (GATEWAY_6,)), RATE)
NAMES = [rule.counter for rule in RULES]


@pytest.fixture
def bench(lab: Lab, make: Make) -> Iterator[Bench]:
    """Return the laboratory with listeners, and a context whose settings make the model above."""
    ctx = make(sources=SOURCES, extra_tcp="8000-8010", extra_udp="5060", rate=str(RATE))
    with contextlib.ExitStack() as stack:
        tcp = {port: stack.enter_context(_listen(port)) for port in (*PUBLIC, 7071, 8005, CLOSED_PORT)}
        udp = {port: stack.enter_context(udp_listener(port)) for port in (5060, 389)}
        yield Bench(lab, ctx, tcp, udp)


def _listen(port: int) -> socket.socket:
    made = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
    made.setblocking(False)
    return made


def load(rules: tuple[Rule, ...]) -> None:
    """Load rules."""
    subprocess.run(["nft", "-f", "-"], input=render(rules), text=True, check=True)


def test_every_rule_has_a_check() -> None:
    """There is a check for each rule of the model, and each rule has another counter."""
    assert sorted(NAMES) == sorted(CHECKS)


@pytest.mark.root
def test_the_model_under_test_is_the_products(bench: Bench) -> None:
    """The rules checked here are those that the product makes of its settings and the gateways it finds."""
    assert open_rules(bench.ctx) == RULES


@pytest.mark.root
@pytest.mark.parametrize("counter", NAMES)
def test_rule_acts(counter: str, bench: Bench) -> None:
    """With the complete model a rule's packets raise its counter and have the effect they should."""
    load(RULES)
    assert CHECKS[counter](bench)


@pytest.mark.root
@pytest.mark.parametrize("counter", NAMES)
def test_a_missing_rule_is_noticed(counter: str, bench: Bench) -> None:
    """With one rule left out of the model its check fails."""
    load(tuple(rule for rule in RULES if rule.counter != counter))
    assert not CHECKS[counter](bench)


@pytest.mark.root
@pytest.mark.parametrize("counter", [rule.counter for rule in closed()])
def test_rule_acts_while_closed(counter: str, bench: Bench) -> None:
    """The rules of the closed table act as well, replies to the server's own connections among them."""
    load(closed())
    assert (replies if counter == "established" else CHECKS[counter])(bench)


@pytest.mark.root
def test_the_kernel_drops_ipv6_loopback_from_outside(bench: Bench) -> None:
    """Packets from and to ::1 that come from outside are dropped by the kernel itself, which counts them."""
    load(RULES)
    before = kernels_count()
    syn = TCP(sport=4000, dport=25, flags="S")
    answers = bench.lab.exchange(
        [IPv6(src="::1", dst=SERVER_6) / syn, IPv6(src=bench.lab.stranger_6(), dst="::1") / syn]
    )
    assert not [each for each in answers if TCP in each and each[TCP].dport == 4000]
    assert kernels_count() - before == 2


def kernels_count() -> int:
    """Return how many IPv6 packets the kernel dropped for their headers, in this namespace."""
    found = re.search(r"^Ip6InHdrErrors\s+(\d+)$", Path("/proc/thread-self/net/snmp6").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


@pytest.mark.root
def test_every_meter_forgets(bench: Bench) -> None:
    """The sets of sources are bounded in size and time, so that forged sources cannot fill the memory."""
    load(RULES)
    meters = {each.meter for each in RULES if each.meter is not None}
    assert len(meters) == 4
    for meter in meters:
        argv = ["nft", "list", "set", "inet", "zflow", meter.name]
        listed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        assert f"size {meter.size}" in listed
        assert "timeout 1m" in listed
