"""`zflow dns --check` against real name servers on loopback: records right, wrong, missing, and servers that fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from states.hardening.zone import Record, zone_text
from tests.states.hardening.nameserver import (
    SECOND,
    World,
    Zone,
    authority,
    hearsay,
    in_turn,
    lame,
    rubbish,
    silent,
    world,
)

pytestmark = pytest.mark.slow

KEY = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA" + "mQ0nDvzpJn4b6nvvTDw2N0" * 15 + "wIDAQAB"
PUBLIC = f"v=DKIM1; k=rsa; p={KEY}"
SELECTOR = "z20261124-120000._domainkey.example.test"
WANTED = [
    Record("address", "mail.example.test", "A", "203.0.113.5"),
    Record("ptr", "5.113.0.203.in-addr.arpa", "PTR", "mail.example.test"),
    Record("mx", "example.test", "MX", "10 mail.example.test"),
    Record("spf", "example.test", "TXT", "v=spf1 mx a ~all"),
    Record("dkim", SELECTOR, "TXT", PUBLIC),
    Record("dmarc", "_dmarc.example.test", "TXT", "v=DMARC1; p=quarantine; rua=mailto:admin@example.test"),
    Record("reports", "example.net._report._dmarc.example.test", "TXT", "v=DMARC1"),
]
PLACES = {each.purpose: (each.name, each.kind) for each in WANTED}


def quoted(*pieces: str) -> str:
    """Return a TXT value of several strings."""
    return " ".join(f'"{piece}"' for piece in pieces)


def right() -> Zone:
    """Return the zone as it should be."""
    return {
        ("mail.example.test", "A"): ["203.0.113.5"],
        ("5.113.0.203.in-addr.arpa", "PTR"): ["mail.example.test."],
        ("example.test", "MX"): ["10 mail.example.test."],
        ("example.test", "TXT"): [quoted("v=spf1 mx a ~all")],
        (SELECTOR, "TXT"): [quoted(PUBLIC[:255], PUBLIC[255:])],
        ("_dmarc.example.test", "TXT"): [quoted("v=DMARC1; p=quarantine; rua=mailto:admin@example.test")],
        ("example.net._report._dmarc.example.test", "TXT"): [quoted("v=DMARC1")],
        ("all.example.net", "TXT"): [quoted("v=spf1 ip4:203.0.113.4/31 ~all")],
        ("5.113.0.203.in-addr._spf.example.net", "A"): ["127.0.0.2"],
    }


@pytest.fixture
def servers() -> Iterator[World]:
    """Two servers with everything as it should be."""
    with world(right()) as made:
        yield made


def look(servers: World) -> dict[tuple[str, str], tuple[str, str]]:
    """Return state and reason of each finding."""
    return {(each.name, each.kind): (each.state, each.why) for each in servers.published().check(WANTED)}


def states(servers: World) -> set[str]:
    """Return all states found."""
    return {state for state, _ in look(servers).values()}


def test_everything_right(servers: World) -> None:
    """Nothing is said of what is as it should be, and every server was asked."""
    assert look(servers) == dict.fromkeys(PLACES.values(), ("right", ""))
    assert set(servers.second.asked) == {f"{name}. IN {kind}" for name, kind in PLACES.values()}
    assert set(servers.first.asked) > set(servers.second.asked)


@pytest.mark.parametrize("purpose", PLACES)
def test_each_record_missing(servers: World, purpose: str) -> None:
    """What is not there is missing, and nothing else is said to be."""
    servers.zone[PLACES["spf"]] = [quoted("v=spf1 ip4:203.0.113.5 -all")]
    del servers.zone[PLACES[purpose]]  # type: ignore[index]
    found = look(servers)
    assert found.pop(PLACES[purpose])[0] == "missing"  # type: ignore[index]
    assert set(found.values()) == {("right", "")}


@pytest.mark.parametrize(
    ("purpose", "values", "words"),
    [
        ("address", ["198.51.100.9"], "198.51.100.9, not 203.0.113.5"),
        ("address", ["203.0.113.5", "198.51.100.9"], "also has 198.51.100.9"),
        ("ptr", ["host-5.provider.example."], "host-5.provider.example, not mail.example.test"),
        ("mx", ["10 other.example.test."], "not mail.example.test"),
        ("mx", ["0 ."], "not mail.example.test"),
        ("spf", [quoted("v=spf1 mx a ~all"), quoted("v=spf1 mx -all")], "2 texts that begin with v=spf1"),
        ("spf", [quoted("v=spf1 mx a +all")], "everybody to send, by ‹+all›"),
        ("spf", [quoted("v=spf1 mx a all")], "everybody to send, by ‹all›"),
        ("spf", [quoted("v=spf1 mx a")], "forbids nobody"),
        ("spf", [quoted("v=spf1 ip4:198.51.100.9 -all")], "203.0.113.5 may not send: fail by ‹-all›"),
        ("spf", [quoted("v=spf1 -mx -a ~all")], "fail by ‹-mx›"),
        ("spf", [quoted("v=spf1 -all mx a")], "fail by ‹-all›"),
        ("spf", [quoted("v=spf1 ip4:203.0.113.0/29 ~ip4:203.0.113.0/24 +ip4:0.0.0.0/0")], "by ‹+ip4:0.0.0.0/0›"),
        ("spf", [quoted("v=spf1 include:_spf.example.net -all")], "no SPF record at _spf.example.net"),
        ("spf", [quoted("v=spf1 mx include:_spf.example.net -all")], "no SPF record at _spf.example.net"),
        ("spf", [quoted("v=spf1 mx:mail.example.test ip4:203.0.113.300 -all")], "‹ip4:203.0.113.300› is not a network"),
        ("spf", [quoted("v=spf1 mx; -all")], "‹mx;› is not a term"),
        ("dkim", [quoted(PUBLIC[:255])], "cut off"),
        ("dkim", [quoted(PUBLIC[:200], PUBLIC[255:])], "another key"),
        ("dkim", [quoted(PUBLIC[255:]), quoted(PUBLIC[:255])], "cut off"),
        ("dkim", [quoted("v=DKIM1; k=rsa; p=")], "revoked"),
        ("dkim", [quoted(PUBLIC.replace("rsa", "ed25519")[:255], PUBLIC[251:])], "another kind"),
        ("dkim", [quoted("hello")], "no key"),
        ("dkim", [quoted(f"t=y:s; {PUBLIC}"[:250], f"t=y:s; {PUBLIC}"[250:])], "only tested"),
        ("dkim", [quoted(f"h=sha1; {PUBLIC}"[:250], f"h=sha1; {PUBLIC}"[250:])], "or SHA-256"),
        ("dmarc", [quoted("v=DMARC1; p=none")], "none, not quarantine"),
        ("dmarc", [quoted("v=DMARC1; p=quarantine; pct=10")], "only 10 % of the mail"),
        ("dmarc", [quoted("v=DMARC1; rua=mailto:x@example.test")], "no valid policy"),
        ("dmarc", [quoted("v=DMARC1; p=reject"), quoted("v=DMARC1; p=none")], "2 texts"),
        ("reports", [quoted("v=DMARC1"), quoted("v=DMARC1; p=none")], "2 texts"),
    ],
)
def test_each_record_wrong(servers: World, purpose: str, values: list[str], words: str) -> None:
    """What is there and is not what it should be is wrong, in words that tell how, and nothing else is said to be."""
    servers.zone[PLACES["spf"]] = [quoted("v=spf1 ip4:203.0.113.5 -all")]
    servers.zone[PLACES[purpose]] = values  # type: ignore[index]
    found = look(servers)
    state, why = found.pop(PLACES[purpose])  # type: ignore[index]
    assert (state, words in why) == ("wrong", True), why
    assert set(found.values()) == {("right", "")}


@pytest.mark.parametrize(
    ("purpose", "values"),
    [
        ("mx", ["20 backup.example.net.", "5 MAIL.Example.Test."]),
        ("ptr", ["another.example.test.", "Mail.Example.TEST."]),
        ("spf", [quoted("V=SPF1 A MX ~ALL")]),
        ("spf", [quoted("v=spf1 a m", "x -all")]),
        ("spf", [quoted("v=spf1 mx a include:all.example.net ip4:198.51.100.0/24 ~all"), quoted("google-verify=1")]),
        ("spf", [quoted("v=spf1 ip4:203.0.113.5 -all")]),
        ("spf", [quoted("v=spf1 a:mail.example.test ?all")]),
        ("spf", [quoted("v=spf1 ip4:203.0.113.0/24 -all")]),
        ("spf", [quoted("v=spf1 ip4:203.0.113.5/32 a:gone.example.test ip6:2001:db8:1::/48 -all")]),
        ("spf", [quoted("v=spf1 redirect=all.example.net")]),
        ("spf", [quoted("v=spf1 include:all.example.net -all")]),
        ("spf", [quoted("v=spf1 exists:%{ir}.%{v}._spf.example.net -all")]),
        ("dkim", [quoted(*(PUBLIC[at : at + 50] for at in range(0, len(PUBLIC), 50)))]),
        ("dkim", [quoted(f"k=rsa;v=DKIM1;t=s;n=x; p= {KEY[:100]}", f" {KEY[100:300]}", f"{KEY[300:]} ;")]),
        ("dkim", [quoted("p=" + KEY[:250], KEY[250:])]),
        ("dmarc", [quoted("v=DMARC1;p=Reject;pct=100;adkim=s")]),
        ("dmarc", [quoted("v=DMARC1 ; rua=mailto:x@example.net", "; p=quarantine; fo=1")]),
        ("reports", [quoted("v=DMARC1; rua=mailto:other@example.test")]),
    ],
)
def test_no_false_alarm(servers: World, purpose: str, values: list[str]) -> None:
    """Strings split anywhere, case, order, blanks, further tags and further records are nobody's mistake."""
    servers.zone[PLACES[purpose]] = values  # type: ignore[index]
    assert look(servers) == dict.fromkeys(PLACES.values(), ("right", ""))


def test_a_policy_that_leads_to_servers_which_do_not_answer(servers: World) -> None:
    """What could not be followed is not checked, and not called wrong; nor right, where it alone may let the server."""
    servers.zone[PLACES["spf"]] = [quoted("v=spf1 include:_spf.nowhere.invalid -all")]
    state, why = look(servers)[PLACES["spf"]]
    assert (state, why) == (
        "unknown",
        "not checked for 203.0.113.5: the name servers of _spf.nowhere.invalid do not answer",
    )
    servers.zone[PLACES["spf"]] = [quoted("v=spf1 mx include:_spf.nowhere.invalid -all")]
    state, why = look(servers)[PLACES["spf"]]
    assert (state, why.partition(":")[0]) == ("right", "not checked who else may send")


def test_a_policy_is_asked_for_each_address(servers: World) -> None:
    """A server that also sends over IPv6 needs a policy that lets both addresses send."""
    wanted = [*WANTED, Record("address", "mail.example.test", "AAAA", "2001:db8:1::5")]
    servers.zone[("mail.example.test", "AAAA")] = ["2001:db8:1::5"]
    servers.zone[PLACES["spf"]] = [quoted("v=spf1 ip4:203.0.113.5 -all")]
    found = {(each.name, each.kind): each for each in servers.published().check(wanted)}[PLACES["spf"]]
    assert (found.state, "2001:db8:1::5 may not send" in found.why) == ("wrong", True)
    servers.zone[PLACES["spf"]] = [quoted("v=spf1 mx -all")]
    assert {each.state for each in servers.published().check(wanted)} == {"right"}


def test_a_server_whose_addresses_nobody_told(servers: World) -> None:
    """The policy is asked for the addresses that the world finds under the server's name."""
    wanted = [Record("address", "mail.example.test", "A", ""), *WANTED[2:]]
    servers.zone[PLACES["spf"]] = [quoted("v=spf1 ip4:198.51.100.9 -all")]
    found = {(each.name, each.kind): each for each in servers.published().check(wanted)}
    assert "203.0.113.5 may not send" in found[PLACES["spf"]].why
    assert found[PLACES["address"]].why.startswith("not compared")


def test_a_key_under_an_alias_in_another_zone(servers: World) -> None:
    """A CNAME to a record that somebody else keeps is followed to their name servers."""
    values = servers.zone.pop((SELECTOR, "TXT"))
    servers.zone[(SELECTOR, "CNAME")] = ["key.signer.test."]
    assert look(servers)[(SELECTOR, "TXT")][0] == "missing"
    servers.zone[("key.signer.test", "TXT")] = values
    assert states(servers) == {"right"}


def test_answers_that_do_not_fit_are_asked_for_again_over_tcp(servers: World) -> None:
    """A truncated answer is not taken for a missing record."""
    for each in servers.limits[1:]:
        each.limit = 100
    assert states(servers) == {"right"}


def test_one_server_behind_the_others(servers: World) -> None:
    """A server that still has an old record is named; the others' answer does not hide it."""
    servers.second.zone = {**servers.zone, ("example.test", "TXT"): [quoted("v=spf1 -all")]}
    state, why = look(servers)[PLACES["spf"]]
    assert state == "wrong"
    assert why.endswith("(only at ns2.example.test)")


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (lame, "answers REFUSED"),
        (hearsay, "has no authority"),
        (rubbish, "gives an answer that cannot be read"),
        (silent, "does not answer"),
    ],
)
def test_a_server_that_fails_is_told_once_and_its_records_are_not(servers: World, reply: object, words: str) -> None:
    """Of two servers one is lame, or silent: the records are right by the other, and the server itself is a finding."""
    servers.second.reply = reply  # type: ignore[assignment]
    found = look(servers)
    state, why = found.pop(("ns2.example.test", "NS"))
    assert (state, f"{SECOND} {words}" in why) == ("wrong", True)
    assert set(found.values()) == {("right", "")}
    assert len(servers.second.asked) == 2


def test_no_server_answers(servers: World) -> None:
    """What nobody can tell is unknown, which is not right either."""
    servers.first.reply = servers.second.reply = lame
    found = look(servers)
    assert {found[place][0] for place in PLACES.values()} == {"unknown"}
    assert {state for (_, kind), (state, _) in found.items() if kind == "NS"} == {"wrong"}


@pytest.mark.parametrize("first", [silent, lame, hearsay])
def test_one_failure_of_three_is_none(servers: World, first: object) -> None:
    """A lost packet, or a hiccup, is asked over: only two of three count."""
    servers.second.reply = in_turn(first, authority)  # type: ignore[arg-type]
    assert look(servers) == dict.fromkeys(PLACES.values(), ("right", ""))


def test_one_bad_answer_of_three_is_none(servers: World) -> None:
    """A server in the middle of its reload has no records for a moment: the next answers count."""
    servers.second.reply = in_turn(lambda question, _zone: authority(question, {}), authority)
    assert states(servers) == {"right"}


def test_a_zone_that_nobody_knows(servers: World) -> None:
    """Without name servers to be found the record is unknown, with the reason."""
    record = Record("mx", "nowhere.invalid", "MX", "10 mail.example.test")
    (found,) = servers.published().check([record])
    assert (found.state, "cannot be found" in found.why) == ("unknown", True)


def test_the_printed_text_is_what_is_looked_for(servers: World) -> None:
    """What `zflow dns` prints, put into a zone as it is, is found to be right."""
    servers.zone.clear()
    for line in zone_text(WANTED).splitlines():
        name, _, _, kind, value = line.removeprefix("; ").partition("  (")[0].split(" ", 4)
        value = value.removeprefix("( ").removesuffix(" )")
        servers.zone.setdefault((name.rstrip("."), kind), []).append(value)
    assert states(servers) == {"right"}
