"""Compares what the DNS holds with what it should hold, by meaning: strings split anywhere, case, order and further
tags are nobody's mistake. Pure functions, no network."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

from states.hardening.zone import Purpose, Record

Verdict = Literal["right", "wrong", "missing"]
Judgement = tuple[Verdict, str]
"""And why, for people; empty when it is right."""
RIGHT: Judgement = ("right", "")
STRICTNESS = ("none", "quarantine", "reject")
ELSEWHERE = re.compile(r"[?~+-]?(include:|exists:|redirect=)|.*%\{", re.IGNORECASE)
"""SPF terms whose meaning lies in other records."""


def judge(record: Record, found: Sequence[str], beside: Sequence[Record] = ()) -> Judgement:
    """Return whether the values found at a record's name and kind are what they should be.

    `beside` are all wanted records: what the server's addresses are matters for some others.
    """
    return _JUDGES[record.purpose](record, list(found), beside)


def _address(record: Record, found: list[str], beside: Sequence[Record]) -> Judgement:
    if not found:
        return "missing", "there is none"
    wanted = {
        each.value for each in beside if (each.purpose, each.kind, each.value != "") == ("address", record.kind, True)
    }
    if not wanted:
        return RIGHT
    if lacking := sorted(wanted - set(found)):
        return "wrong", f"it has {', '.join(sorted(found))}, not {', '.join(lacking)}"
    if others := sorted(set(found) - wanted):
        return "wrong", f"it also has {', '.join(others)}, which is not among the server's public addresses"
    return RIGHT


def _mx(record: Record, found: list[str], _beside: Sequence[Record]) -> Judgement:
    if not found:
        return "missing", "there is none"
    exchanges = {each.partition(" ")[2].rstrip(".").lower() for each in found}
    wanted = record.value.partition(" ")[2]
    return RIGHT if wanted in exchanges else ("wrong", f"it has {', '.join(sorted(found))}, not {wanted}")


def _ptr(record: Record, found: list[str], _beside: Sequence[Record]) -> Judgement:
    names = {each.rstrip(".").lower() for each in found}
    if not names:
        return "missing", "there is none"
    return RIGHT if record.value in names else ("wrong", f"it has {', '.join(sorted(names))}, not {record.value}")


def _one(found: list[str], version: str) -> str | Judgement:
    """Return the only text of a version; two are as good as none (RFC 7208, 4.5; RFC 7489, 6.6.3)."""
    begun = re.compile(rf"\s*{re.escape(version)}\s*($|[; ])", re.IGNORECASE)
    texts = [each for each in found if begun.match(each)]
    if not texts:
        return "missing", f"there is no text that begins with {version}"
    if len(texts) > 1:
        return "wrong", f"there are {len(texts)} texts that begin with {version}; only one may"
    return texts[0]


def _spf(record: Record, found: list[str], beside: Sequence[Record]) -> Judgement:
    text = _one(found, "v=spf1")
    if isinstance(text, tuple):
        return text
    terms = [each.lower() for each in text.split()[1:]]
    alls = [each for each in terms if each.lstrip("+-~?") == "all"]
    redirected = any(each.startswith("redirect=") for each in terms)
    if any(each in {"all", "+all"} for each in alls):
        return "wrong", "it allows everybody to send (+all)"
    if not alls and not redirected:
        return "wrong", "it forbids nobody to send: its last term is not -all or ~all"
    passing = {each.lstrip("+") for each in terms if each[0] not in "-~?"}
    wanted = {each.lstrip("+") for each in record.value.lower().split()[1:] if each[0] not in "-~?"}
    if wanted <= passing or _covers(passing, beside) or any(ELSEWHERE.match(each) for each in terms):
        return RIGHT
    return "wrong", f"it lacks {' '.join(sorted(wanted - passing))}: ‹{text}›"


def _covers(passing: set[str], beside: Sequence[Record]) -> bool:
    """Tell whether what may send includes this server: as a mail exchanger, or by all of its addresses."""
    addresses = {(each.kind, each.value) for each in beside if each.purpose == "address" and each.value}
    names = {each.name for each in beside if each.purpose == "address"}
    listed = {each.partition(":")[2] for each in passing if each.startswith("a:")}
    by_address = {each.partition(":")[2].partition("/")[0] for each in passing if each.startswith(("ip4:", "ip6:"))}
    return (
        "mx" in passing or bool(listed & names) or (bool(addresses) and {each[1] for each in addresses} <= by_address)
    )


def _tags(text: str) -> dict[str, str]:
    """Return `name=value; ...` as DKIM and DMARC have it; blanks around and in between say nothing."""
    pairs = (each.partition("=") for each in text.split(";") if "=" in each)
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs}


def _dkim(record: Record, found: list[str], _beside: Sequence[Record]) -> Judgement:
    texts = [each for each in found if "p" in _tags(each)]
    if not texts:
        return ("wrong", "its text has no key (p=)") if found else ("missing", "there is none")
    if len(texts) > 1:
        return "wrong", f"there are {len(texts)} keys; only one may be"
    tags, wanted = _tags(texts[0]), _tags(record.value)
    if not tags["p"]:
        return "wrong", "the key is revoked (p= is empty)"
    if tags.get("v", "DKIM1").upper() != "DKIM1" or tags.get("k", "rsa").lower() != wanted.get("k", "rsa").lower():
        return "wrong", f"it is a key of another kind: v={tags.get('v')} k={tags.get('k')}"
    if tags["p"] != wanted["p"]:
        short = wanted["p"].startswith(tags["p"])
        return "wrong", "the key is cut off" if short else "it is another key"
    return RIGHT


def _dmarc(record: Record, found: list[str], _beside: Sequence[Record]) -> Judgement:
    text = _one(found, "v=DMARC1")
    if isinstance(text, tuple):
        return text
    policy, wanted = _tags(text).get("p", "").lower(), _tags(record.value)["p"]
    if policy not in STRICTNESS:
        return "wrong", f"it has no policy that counts: ‹{text}›"
    if STRICTNESS.index(policy) < STRICTNESS.index(wanted):
        return "wrong", f"its policy is {policy}, not {wanted}"
    return RIGHT


def _reports(_record: Record, found: list[str], _beside: Sequence[Record]) -> Judgement:
    text = _one(found, "v=DMARC1")
    return text if isinstance(text, tuple) else RIGHT


_JUDGES: dict[Purpose, Callable[[Record, list[str], Sequence[Record]], Judgement]] = {
    "address": _address,
    "mx": _mx,
    "spf": _spf,
    "dkim": _dkim,
    "dmarc": _dmarc,
    "reports": _reports,
    "ptr": _ptr,
}
