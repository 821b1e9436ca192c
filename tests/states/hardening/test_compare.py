"""Whether records are what they should be, by meaning: against a zone in memory, without a name server."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from states.hardening.compare import Comparison, compare
from states.hardening.spf import Unheard
from states.hardening.zone import Purpose, Record
from tests.states.hardening.records import KEY, NAMES, PUBLIC, WANTED, Zone, right

RIGHT: Comparison = ("right", "")
OPEN = "v=spf1 ip4:203.0.113.0/29 ~ip4:203.0.113.0/24 +ip4:0.0.0.0/0"


def comparisons(zone: Zone, wanted: Sequence[Record] = WANTED) -> dict[Purpose, Comparison]:
    """Return what is found of each record; below `silent` nobody answers."""

    def look(name: str, kind: str) -> list[str]:
        if name.endswith(".silent"):
            raise Unheard(f"the name servers of {name} do not answer")
        return zone.get((name.rstrip(".").lower(), kind), [])

    return {each.purpose: compare(each, look(each.name, each.kind), wanted, look) for each in wanted}


def changed(purpose: Purpose, *values: str) -> dict[Purpose, Comparison]:
    """Return the same of the zone with other values of one record; SPF does not depend on the others."""
    zone = {**right(), NAMES["spf"]: ["v=spf1 ip4:203.0.113.5 -all"]}
    return comparisons({**zone, NAMES[purpose]: list(values)})


def test_right() -> None:
    """Nothing is said of what is as it should be."""
    assert comparisons(right()) == dict.fromkeys(NAMES, RIGHT)


@pytest.mark.parametrize("purpose", NAMES)
def test_missing(purpose: Purpose) -> None:
    """What is not there is missing, and the others are right."""
    found = changed(purpose)
    assert found.pop(purpose)[0] == "missing"
    assert set(found.values()) == {RIGHT}


@pytest.mark.parametrize(
    ("purpose", "values", "words"),
    [
        ("address", ["198.51.100.9"], "198.51.100.9, not 203.0.113.5"),
        ("address", ["203.0.113.5", "198.51.100.9"], "also has 198.51.100.9"),
        ("ptr", ["host-5.provider.example."], "host-5.provider.example, not mail.example.test"),
        ("mx", ["10 other.example.test."], "not mail.example.test"),
        ("mx", ["0 ."], "not mail.example.test"),
        ("spf", ["v=spf1 mx a ~all", "v=spf1 mx -all"], "2 texts that begin with v=spf1"),
        ("spf", ["v=spf1 mx a +all"], "everybody to send, by ‹+all›"),
        ("spf", ["v=spf1 mx a all"], "everybody to send, by ‹all›"),
        ("spf", ["v=spf1 mx a"], "forbids nobody"),
        ("spf", ["v=spf1 ip4:198.51.100.9 -all"], "203.0.113.5 may not send: fail by ‹-all›"),
        ("spf", ["v=spf1 -mx -a ~all"], "fail by ‹-mx›"),
        ("spf", ["v=spf1 -all mx a"], "fail by ‹-all›"),
        ("spf", ["v=spf1 ip4:198.51.100.9"], "neutral by ‹no term›"),
        ("spf", [OPEN], "by ‹+ip4:0.0.0.0/0›"),
        ("spf", ["v=spf1 include:_spf.example.net -all"], "no SPF record at _spf.example.net"),
        ("spf", ["v=spf1 mx include:_spf.example.net -all"], "no SPF record at _spf.example.net"),
        ("spf", ["v=spf1 mx:mail.example.test ip4:203.0.113.300 -all"], "‹ip4:203.0.113.300› is not a network"),
        ("spf", ["v=spf1 mx; -all"], "‹mx;› is not a term"),
        ("dkim", [PUBLIC[:255]], "cut off"),
        ("dkim", [PUBLIC[:200] + PUBLIC[255:]], "another key"),
        ("dkim", [PUBLIC, PUBLIC[:255]], "there are 2 keys"),
        ("dkim", ["v=DKIM1; k=rsa; p="], "revoked"),
        ("dkim", [PUBLIC.replace("rsa", "ed25519")], "another kind"),
        ("dkim", [PUBLIC.replace("DKIM1", "DKIM2")], "another kind"),
        ("dkim", ["hello"], "no key"),
        ("dkim", [f"t=y:s; {PUBLIC}"], "only tested"),
        ("dkim", [f"h=sha1; {PUBLIC}"], "or SHA-256"),
        ("dkim", [f"s=other; {PUBLIC}"], "excludes mail"),
        ("dmarc", ["v=DMARC1; p=none"], "none, not quarantine"),
        ("dmarc", ["v=DMARC1; p=quarantine; pct=10"], "only 10 % of the mail"),
        ("dmarc", ["v=DMARC1; rua=mailto:x@example.test"], "no valid policy"),
        ("dmarc", ["v=DMARC1; p=reject", "v=DMARC1; p=none"], "2 texts"),
        ("reports", ["v=DMARC1", "v=DMARC1; p=none"], "2 texts"),
    ],
)
def test_wrong(purpose: Purpose, values: list[str], words: str) -> None:
    """What is not as it should be is wrong, with a reason, and the others are right."""
    found = changed(purpose, *values)
    verdict, why = found.pop(purpose)
    assert (verdict, words in why) == ("wrong", True), why
    assert set(found.values()) == {RIGHT}


@pytest.mark.parametrize(
    ("purpose", "values"),
    [
        ("mx", ["20 backup.example.net.", "5 MAIL.Example.Test."]),
        ("ptr", ["another.example.test.", "Mail.Example.TEST."]),
        ("spf", ["V=SPF1 A MX ~ALL"]),
        ("spf", ["v=spf1 mx a include:all.example.net ip4:198.51.100.0/24 ~all", "google-verify=1"]),
        ("spf", ["v=spf1 ip4:203.0.113.5 -all"]),
        ("spf", ["v=spf1 a:mail.example.test ?all"]),
        ("spf", ["v=spf1 ip4:203.0.113.0/24 -all"]),
        ("spf", ["v=spf1 ip4:203.0.113.5/32 a:gone.example.test ip6:2001:db8:1::/48 -all"]),
        ("spf", ["v=spf1 redirect=all.example.net"]),
        ("spf", ["v=spf1 include:all.example.net -all"]),
        ("spf", ["v=spf1 exists:%{ir}.%{v}._spf.example.net -all"]),
        ("dkim", [f"k=RSA;v=dkim1;t=s;n=x; p= {KEY[:100]} {KEY[100:]} ;"]),
        ("dkim", [f"p={KEY}"]),
        ("dkim", [f"s=email; h=sha1:sha256; {PUBLIC}", "another text"]),
        ("dmarc", ["v=DMARC1;p=Reject;pct=100;adkim=s"]),
        ("dmarc", ["v=DMARC1 ; rua=mailto:x@example.net; p=quarantine; fo=1"]),
        ("reports", ["v=DMARC1; rua=mailto:other@example.test"]),
    ],
)
def test_no_false_alarm(purpose: Purpose, values: list[str]) -> None:
    """Case, order, blanks, further tags and further records do not matter."""
    assert changed(purpose, *values) == dict.fromkeys(NAMES, RIGHT)


def test_dmarc_without_a_policy_is_enough_where_none_is_wanted() -> None:
    """With the policy none a share of the mail says nothing."""
    record = Record("dmarc", "_dmarc.example.test", "TXT", "v=DMARC1; p=none")
    zone = {(record.name, record.kind): ["v=DMARC1; p=none; pct=10"]}
    assert comparisons(zone, [record]) == {"dmarc": RIGHT}


def test_a_policy_whose_servers_do_not_answer() -> None:
    """A term that was not followed is not wrong; nor is the policy right, where only that term may let the server."""
    verdict, why = changed("spf", "v=spf1 include:spf.silent -all")["spf"]
    assert (verdict, why) == ("unknown", "not checked for 203.0.113.5: the name servers of spf.silent do not answer")
    verdict, why = changed("spf", "v=spf1 mx include:spf.silent -all")["spf"]
    assert (verdict, why.partition(":")[0]) == ("right", "not checked who else may send")


def test_a_policy_is_asked_for_each_address() -> None:
    """A server that also sends over IPv6 needs a policy that lets both addresses send."""
    wanted = [*WANTED, Record("address", "mail.example.test", "AAAA", "2001:db8:1::5")]
    zone = {**right(), ("mail.example.test", "AAAA"): ["2001:db8:1::5"]}
    verdict, why = comparisons({**zone, NAMES["spf"]: ["v=spf1 ip4:203.0.113.5 -all"]}, wanted)["spf"]
    assert (verdict, "2001:db8:1::5 may not send" in why) == ("wrong", True)
    assert set(comparisons({**zone, NAMES["spf"]: ["v=spf1 mx -all"]}, wanted).values()) == {RIGHT}


@pytest.mark.parametrize(("kind", "address"), [("A", "203.0.113.5"), ("AAAA", "2001:db8:1::5")])
def test_a_server_whose_addresses_are_not_set(kind: str, address: str) -> None:
    """The policy is asked for the addresses that the DNS has under the server's name."""
    wanted = [Record("address", "mail.example.test", "A", ""), *WANTED[2:]]
    zone = {**right(), NAMES["spf"]: ["v=spf1 ip4:198.51.100.9 -all"]}
    del zone[NAMES["address"]]
    assert comparisons(zone, wanted)["spf"] == ("unknown", "not checked: mail.example.test has no address in the DNS")
    found = comparisons({**zone, ("mail.example.test", kind): [address]}, wanted)
    assert f"{address} may not send" in found["spf"][1]
    assert found["address"][0] == ("right" if kind == "A" else "missing")
