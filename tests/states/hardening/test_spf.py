"""The rules by which receivers read SPF, one case a rule, against a zone in memory."""

from __future__ import annotations

import ipaddress

import pytest

from states.hardening.settings import SPF
from states.hardening.spf import Evaluation, Result, Unheard, records

ZONE: dict[tuple[str, str], list[str]] = {
    ("example.test", "A"): ["203.0.113.5"],
    ("example.test", "AAAA"): ["2001:db8:1::5"],
    ("example.test", "MX"): ["10 mx.example.test."],
    ("mx.example.test", "A"): ["203.0.113.9"],
    ("mail.example.test", "A"): ["203.0.113.5"],
    ("soft.example.test", "TXT"): ["v=spf1 ip4:203.0.113.5 ~all"],
    ("hard.example.test", "TXT"): ["other", "v=spf1 -all"],
    ("broken.example.test", "TXT"): ["v=spf1 ip5:1 -all"],
    ("twice.example.test", "TXT"): ["v=spf1 -all", "v=spf1 ~all"],
    ("loop.example.test", "TXT"): ["v=spf1 include:loop.example.test -all"],
    ("5.113.0.203.in-addr.arpa", "PTR"): ["mail.example.test.", "forged.example.org."],
    ("many.example.test", "MX"): [f"10 mx{number}.example.test." for number in range(11)],
    ("postmaster.test.example", "A"): ["127.0.0.2"],
    ("postmaster.example.test.example", "A"): ["127.0.0.2"],
    ("unknown.example", "A"): ["127.0.0.2"],
    ("1.0.0.2.ip6.example", "A"): ["127.0.0.2"],
}


def look(name: str, kind: str) -> list[str]:
    """Return the zone's values; below `silent` nobody answers."""
    if name.endswith("silent"):
        raise Unheard(name)
    return ZONE.get((name.rstrip(".").lower(), kind), [])


def outcome(record: str, address: str = "203.0.113.5") -> tuple[Result, str]:
    question = Evaluation(ipaddress.ip_address(address), "postmaster@example.test", "mail.example.test", look)
    told = question.of("example.test", record)
    return told.result, told.why


@pytest.mark.parametrize(
    ("record", "result", "why"),
    [
        ("v=spf1 -all a", "fail", "-all"),  # left to right
        ("v=spf1 ?a -all", "neutral", "?a"),
        ("v=spf1 A -ALL", "pass", "A"),
        ("v=spf1", "neutral", ""),
        ("v=spf1 ip4:203.0.113.0/24 -all", "pass", "ip4:203.0.113.0/24"),
        ("v=spf1 ip4:203.0.113.4/30 -all", "pass", "ip4:203.0.113.4/30"),
        ("v=spf1 ip4:203.0.113.6/31 -all", "fail", "-all"),
        ("v=spf1 ip6:::/0 -all", "fail", "-all"),
        ("v=spf1 mx -all", "fail", "-all"),
        ("v=spf1 mx/28 -all", "pass", "mx/28"),
        ("v=spf1 a:mail.example.test. -all", "pass", "a:mail.example.test."),
        ("v=spf1 a/0 -all", "pass", "a/0"),
        ("v=spf1 include:soft.example.test -all", "pass", "include:soft.example.test"),
        ("v=spf1 include:hard.example.test ?all", "neutral", "?all"),  # a fail inside is no match outside
        ("v=spf1 -include:soft.example.test all", "fail", "-include:soft.example.test"),
        ("v=spf1 redirect=hard.example.test a", "pass", "a"),  # a redirect comes last, wherever it stands
        ("v=spf1 redirect=hard.example.test", "fail", "-all"),
        ("v=spf1 redirect=hard.example.test ~all", "softfail", "~all"),
        ("v=spf1 ptr -all", "pass", "ptr"),
        ("v=spf1 ptr:example.org -all", "fail", "-all"),  # a name that does not lead back is nobody's
        ("v=spf1 exists:%{l}.%{o2r}.example -all", "fail", "-all"),
        ("v=spf1 exists:%{l}.%{d1}.example -all", "pass", "exists:%{l}.%{d1}.example"),
        ("v=spf1 exists:%{l}.%{d1r}.example exp=x.example.test ?all", "neutral", "?all"),
        ("v=spf1 exists:%{l}.%{d}.example -all", "pass", "exists:%{l}.%{d}.example"),
        ("v=spf1 exists:%{d0}.example -all", "permerror", "%{d0} keeps no part"),
        ("v=spf1 a:%{p} -all", "pass", "a:%{p}"),
        ("v=spf1 exists:%{l}.%{d1}.example%{x} -all", "permerror", "‹exists:%{l}.%{d1}.example%{x}› is not a term"),
        ("v=spf1 unknown=%{d}x a", "pass", "a"),
        ("v=spf1 a ipv4:203.0.113.5", "permerror", "‹ipv4:203.0.113.5› is not a term"),  # also behind a match
        ("v=spf1 ip4:203.0.113.5/33", "permerror", "‹ip4:203.0.113.5/33› is not a network"),
        ("v=spf1 a//129", "permerror", "‹a//129› has too long a prefix"),
        ("v=spf1 ip6:203.0.113.5", "permerror", "‹ip6:203.0.113.5› is not a network"),
        ("v=spf1 all:example.test", "permerror", "‹all:example.test› is not a term"),
        ("v=spf1 redirect=a.test redirect=b.test", "permerror", "redirect= occurs twice"),
        ("v=spf1 include:none.example.test", "permerror", "‹include:none.example.test› leads to no SPF record"),
        ("v=spf1 include:twice.example.test", "permerror", "‹include:twice.example.test› leads to 2 SPF records"),
        ("v=spf1 include:broken.example.test a", "permerror", "‹ip5:1› is not a term"),
        ("v=spf1 include:loop.example.test", "permerror", "more than 10 of its terms ask the DNS"),
        ("v=spf1 mx:many.example.test", "permerror", "many.example.test has more than 10 mail exchangers"),
        (
            "v=spf1 a:x.test a:y.test a:z.test",
            "permerror",
            "more than 2 of its terms lead nowhere, at last to z.test A",
        ),
        ("v=spf1 include:silent a", "permerror", "‹include:silent› is not a term"),
        ("v=spf1 include:is.silent a", "temperror", "is.silent"),
        ("v=spf1 a include:is.silent", "pass", "a"),
        ("v=spf1 ä -all", "permerror", "‹ä› is not a term"),
    ],
)
def test_a_rule(record: str, result: Result, why: str) -> None:
    """Each is decided as in RFC 7208, and the outcome names the term or the reason that decided."""
    told = outcome(record)
    assert (told[0], told[1][: len(why)]) == (result, why)


@pytest.mark.parametrize("address", ["2001:db8:1::5", "::ffff:203.0.113.5"])
def test_both_families(address: str) -> None:
    """IPv6 is asked by AAAA and its own prefix length; an IPv4-mapped address is an IPv4 address."""
    assert outcome("v=spf1 a -all", address) == ("pass", "a")
    assert outcome("v=spf1 ip4:203.0.113.0/24 ip6:2001:db8:1::/48 -all", address)[0] == "pass"
    assert outcome("v=spf1 a:mail.example.test/0//64 ?all", "2001:db8:2::5") == ("neutral", "?all")
    assert outcome("v=spf1 exists:%{p}.example -all", "2001:db8:1::5")[0] == "pass"
    assert outcome("v=spf1 exists:%{i4r}.%{v}.example -all", "2001:db8:1::5")[0] == "pass"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("mx -all", "is not an SPF policy such as"),
        ("v=spf1", "is not an SPF policy such as"),
        ("v=spf1 ip4:203.0.113 -all", "‹ip4:203.0.113› is not a network"),
        ("v=spf1 mx, a -all", "‹mx,› is not a term"),
    ],
)
def test_a_policy_that_receivers_cannot_use_is_refused(value: str, words: str) -> None:
    """The setting is parsed as receivers parse the record."""
    assert SPF.parse("v=spf1 mx ip4:203.0.113.0/24 -all") == "v=spf1 mx ip4:203.0.113.0/24 -all"
    with pytest.raises(ValueError, match="is not an SPF policy") as refused:
        SPF.parse(value)
    assert words in str(refused.value)


def test_which_texts_are_records() -> None:
    """The version comes first and complete, in any case, without a blank before it."""
    texts = ["v=spf1 -all", "V=SPF1", "v=spf10 -all", " v=spf1 -all", "v=spf1; a", "spf2.0/pra a"]
    assert records(texts) == texts[:2]
