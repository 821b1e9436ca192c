"""The model and its text: what stands in which order, for any settings, accepted by nft's own checker."""

from __future__ import annotations

import re
import subprocess

import pytest

from states.firewall.model import CHAINS, INPUT, Rule, closed, opened
from states.firewall.ports import Opening, Ports, one
from states.firewall.render import render
from states.ubuntu.gateways import Gateways, parse

GATEWAYS = Gateways(("192.0.2.1",), ("2001:db8::1", "fe80::1"))
MODELS = {
    "closed": closed(),
    "nothing open": opened((), GATEWAYS, 100),
    "one port": opened((Opening("tcp", one("25")),), GATEWAYS, 100),
    "no gateway": opened((Opening("tcp", one("25")),), Gateways(), 1),
    "no limit": opened((Opening("tcp", one("25")),), GATEWAYS, 0),
    "highest limit": opened((Opening("tcp", one("25")),), GATEWAYS, 100_000),
    "udp only": opened((Opening("udp", one("1-65535")),), GATEWAYS, 100),
    "sources": opened(
        (Opening("tcp", one("25"), ("0.0.0.0/0", "::/0")), Opening("udp", one("25"), ("::1/128",))), GATEWAYS, 1
    ),
    "many": opened(tuple(Opening("tcp", Ports(port, port)) for port in range(1, 500)), GATEWAYS, 9),
}  # fmt: skip


def names(rules: tuple[Rule, ...]) -> list[str]:
    """Return the rules' counters."""
    return [rule.counter for rule in rules]


@pytest.mark.parametrize("name", MODELS)
def test_every_rule_has_a_name_of_its_own(name: str) -> None:
    """No two rules share a counter, and each says what it is about."""
    found = names(MODELS[name])
    assert len(set(found)) == len(found)
    assert all(rule.about and re.fullmatch(r"[a-z0-9_]+", rule.counter) for rule in MODELS[name])


@pytest.mark.parametrize("name", MODELS)
def test_closed_rules_stand_before_openings(name: str) -> None:
    """An open table is the closed one with something put in before its last rule, which drops the rest."""
    found = names(MODELS[name])
    assert found[: len(closed()) - 1] == names(closed())[:-1]
    assert found[-1] == "unopened"


def test_closed_accepts_no_new_connection() -> None:
    """The closed table accepts nothing by port."""
    assert not [rule for rule in closed() if "dport" in rule.match]


def test_inbound_is_dropped_by_policy_too() -> None:
    """Without any rule nothing from outside would get in; the chains before are for drops only."""
    assert [chain.policy for chain in CHAINS] == ["accept", "accept", "drop"]
    assert all(rule.verdict == "drop" for rule in MODELS["many"] if rule.chain is not INPUT)


def test_no_rate_is_no_limit() -> None:
    """With the rate 0 no rule limits connections; with any other both families have one."""
    assert [each for each in names(MODELS["no limit"]) if each.startswith("syn_flood")] == []
    assert {"syn_flood_4", "syn_flood_6"} <= set(names(MODELS["no gateway"]))


def test_sources_of_one_family_close_the_other() -> None:
    """A port with IPv6 sources alone has no rule for IPv4."""
    assert [each for each in names(MODELS["sources"]) if each.startswith(("tcp_25", "udp_25"))] == [
        "tcp_25_4", "tcp_25_6", "udp_25_6",
    ]  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_only_meters_in_use(name: str) -> None:
    """The kernel makes room for a meter when it is loaded: only those are declared that some rule updates."""
    text = render(MODELS[name])
    assert set(re.findall(r"\tset (\S+) \{", text)) == set(re.findall(r"update @(\S+) ", text))


@pytest.mark.parametrize("name", MODELS)
def test_only_its_own_table(name: str) -> None:
    """The text names no table but zflow's and never flushes."""
    text = render(MODELS[name])
    assert set(re.findall(r"table (\S+ \S+)", text)) == {"inet zflow"}
    assert "flush" not in text


@pytest.mark.root
@pytest.mark.parametrize("name", MODELS)
def test_nft_accepts_it(name: str) -> None:
    """nft's checker, and with it the kernel, takes each model; nothing is loaded by that."""
    argv = ["unshare", "--net", "nft", "--check", "--file", "-"]
    done = subprocess.run(argv, input=render(MODELS[name]), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


ROUTE = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	{gateway}	0003	0	0	100	00000000	0	0	0
eth0	00000000	00000000	0001	0	0	200	00000000	0	0	0
eth0	{gateway}	00000000	0005	0	0	100	FFFFFFFF	0	0	0
"""
ZERO = "0" * 32
IPV6_ROUTE = f"""\
fd77000000000000{"0" * 16} 40 {ZERO} 00 {ZERO} 00000100 00000001 00000000 00000001     eth0
{ZERO} 00 {ZERO} 00 fe80000000000000000000000000000b 00000400 00000005 00000000 00450003     eth0
{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 00000001 00000000 00200200       lo
"""


def test_gateways() -> None:
    """The gateways are those of the default routes, none where there is no route, no IPv6 or no network."""
    hexadecimal = f"{int.from_bytes(bytes((192, 0, 2, 1)), 'little'):08X}"
    found = parse(ROUTE.format(gateway=hexadecimal), IPV6_ROUTE)
    assert found == Gateways(("192.0.2.1",), ("fe80::b",))
    assert parse("", "") == Gateways()
