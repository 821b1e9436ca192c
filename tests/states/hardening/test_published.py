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
from tests.states.hardening.records import KEY, NAMES, PUBLIC, SELECTOR, WANTED, right

pytestmark = pytest.mark.slow


def quoted(*pieces: str) -> str:
    """Return a TXT value of several strings."""
    return " ".join(f'"{piece}"' for piece in pieces)


def published() -> Zone:
    """Return the zone with all records as they should be, as a name server has it."""
    return {
        (name, kind): [quoted(each[:255], each[255:]) for each in values] if kind == "TXT" else values
        for (name, kind), values in right().items()
    }


@pytest.fixture
def servers() -> Iterator[World]:
    """Two servers with everything as it should be."""
    with world(published()) as made:
        yield made


def look(servers: World) -> dict[tuple[str, str], tuple[str, str]]:
    """Return state and reason of each finding."""
    return {(each.name, each.kind): (each.state, each.why) for each in servers.published().check(WANTED)}


def states(servers: World) -> set[str]:
    """Return all states found."""
    return {state for state, _ in look(servers).values()}


def test_everything_right(servers: World) -> None:
    """Nothing is said of what is as it should be, and every server was asked."""
    assert look(servers) == dict.fromkeys(NAMES.values(), ("right", ""))
    assert set(servers.second.asked) == {f"{name}. IN {kind}" for name, kind in NAMES.values()}
    assert set(servers.first.asked) > set(servers.second.asked)


@pytest.mark.parametrize("purpose", NAMES)
def test_each_record_missing(servers: World, purpose: str) -> None:
    """What is not there is missing, and nothing else is said to be."""
    servers.zone[NAMES["spf"]] = [quoted("v=spf1 ip4:203.0.113.5 -all")]
    del servers.zone[NAMES[purpose]]  # type: ignore[index]
    found = look(servers)
    assert found.pop(NAMES[purpose])[0] == "missing"  # type: ignore[index]
    assert set(found.values()) == {("right", "")}


@pytest.mark.parametrize(
    "strings",
    [
        [quoted(*(PUBLIC[at : at + 50] for at in range(0, len(PUBLIC), 50)))],
        [quoted(f"k=rsa;v=DKIM1;t=s;n=x; p= {KEY[:100]}", f" {KEY[100:300]}", f"{KEY[300:]} ;")],
        [quoted("p=" + KEY[:250], KEY[250:])],
    ],
)
def test_strings_of_a_text_may_be_split_anywhere(servers: World, strings: list[str]) -> None:
    """A text is its strings joined without blanks."""
    servers.zone[NAMES["dkim"]] = strings
    assert look(servers) == dict.fromkeys(NAMES.values(), ("right", ""))


def test_a_policy_that_leads_to_servers_which_do_not_answer(servers: World) -> None:
    """What could not be followed is not checked, and not called wrong; nor right, where it alone may let the server."""
    servers.zone[NAMES["spf"]] = [quoted("v=spf1 include:_spf.nowhere.invalid -all")]
    state, why = look(servers)[NAMES["spf"]]
    assert (state, why) == (
        "unknown",
        "not checked for 203.0.113.5: the name servers of _spf.nowhere.invalid do not answer",
    )
    servers.zone[NAMES["spf"]] = [quoted("v=spf1 mx include:_spf.nowhere.invalid -all")]
    state, why = look(servers)[NAMES["spf"]]
    assert (state, why.partition(":")[0]) == ("right", "not checked who else may send")


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
    state, why = look(servers)[NAMES["spf"]]
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
    assert {found[name][0] for name in NAMES.values()} == {"unknown"}
    assert {state for (_, kind), (state, _) in found.items() if kind == "NS"} == {"wrong"}


@pytest.mark.parametrize("first", [silent, lame, hearsay])
def test_one_failure_of_three_is_none(servers: World, first: object) -> None:
    """A lost packet, or a hiccup, is asked over: only two of three count."""
    servers.second.reply = in_turn(first, authority)  # type: ignore[arg-type]
    assert look(servers) == dict.fromkeys(NAMES.values(), ("right", ""))


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
