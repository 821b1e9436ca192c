"""Compares what the DNS holds with what it should hold, by meaning: strings split anywhere, case, order and further
tags are nobody's mistake. No network here: what an SPF record leads to is looked up by who asks."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import Literal

from states.hardening import spf
from states.hardening.spf import Look
from states.hardening.zone import Purpose, Record

Verdict = Literal["right", "wrong", "missing", "unknown"]
Judgement = tuple[Verdict, str]
"""And why, for people; of what is right, only what was not checked."""
RIGHT: Judgement = ("right", "")
STRICTNESS = ("none", "quarantine", "reject")
STRANGERS = ("192.0.2.1", "2001:db8::1")
"""Addresses that are nobody's: for documentation (RFC 5737, RFC 3849)."""


def judge(record: Record, found: Sequence[str], beside: Sequence[Record], look: Look) -> Judgement:
    """Return whether the values found at a record's name and kind are what they should be.

    `beside` are all wanted records: what the server's addresses are matters for some others. `look` asks the DNS for
    what a record leads to.
    """
    if record.purpose == "spf":
        return _spf(record, list(found), beside, look)
    return _JUDGES[record.purpose](record, list(found), beside)


def _address(record: Record, found: list[str], beside: Sequence[Record]) -> Judgement:
    if not found:
        return "missing", "there is none"
    wanted = {
        each.value for each in beside if (each.purpose, each.kind, each.value != "") == ("address", record.kind, True)
    }
    if not wanted:
        return "right", "not compared: ZFLOW_PUBLIC_ADDRESSES does not tell the server's addresses"
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


def _policy(found: list[str]) -> str | Judgement:
    """Return the only DMARC text; two are as good as none (RFC 7489, 6.6.3)."""
    texts = [each for each in found if re.match(r"\s*v\s*=\s*DMARC1\s*($|;)", each)]
    if not texts:
        return "missing", "there is no text that begins with v=DMARC1"
    if len(texts) > 1:
        return "wrong", f"there are {len(texts)} texts that begin with v=DMARC1; only one may"
    return texts[0]


def _spf(record: Record, found: list[str], beside: Sequence[Record], look: Look) -> Judgement:
    """Ask the record as a receiver does: for each address of the server, then for one that is nobody's."""
    texts = spf.records(found)
    if not texts:
        return "missing", "there is no text that begins with v=spf1"
    if len(texts) > 1:
        return "wrong", f"there are {len(texts)} texts that begin with v=spf1; only one may"
    text, server = texts[0], next(each.name for each in beside if each.purpose == "address")

    def ask(address: str, voids: int = spf.VOIDS) -> spf.Outcome:
        question = spf.Evaluation(ipaddress.ip_address(address), f"postmaster@{record.name}", server, look, voids)
        return question.of(record.name, text)

    try:
        addresses = [each.value for each in beside if each.purpose == "address" and each.value]
        addresses = addresses or [*look(server, "A"), *look(server, "AAAA")]
    except spf.Unheard as error:
        return "unknown", f"not checked: {error}"
    if not addresses:
        return "unknown", f"not checked: {server} has no address that the world knows"
    for address in addresses:
        told = ask(address)
        if told.result == "temperror":
            return "unknown", f"not checked for {address}: {told.why}"
        if told.result == "permerror":
            return "wrong", f"receivers cannot use it: {told.why}: ‹{text}›"
        if told.result != "pass":
            return "wrong", f"{address} may not send: {told.result} by ‹{told.why or 'no term'}›: ‹{text}›"
    return _strangers([ask(each, spf.LOOKUPS) for each in STRANGERS], text)


def _strangers(told: list[spf.Outcome], text: str) -> Judgement:
    for each in told:
        if each.result == "pass":
            return "wrong", f"it allows everybody to send, by ‹{each.why}›: ‹{text}›"
        if each.result == "permerror":
            return "wrong", f"receivers cannot use it: {each.why}: ‹{text}›"
        if each.result == "neutral" and not each.why:
            return "wrong", f"it forbids nobody to send: its last term is not -all or ~all: ‹{text}›"
        if each.result == "temperror":
            return "right", f"not checked who else may send: {each.why}"
    return RIGHT


def _tags(text: str) -> dict[str, str]:
    """Return `name=value; ...` as DKIM and DMARC have it; blanks around and in between say nothing."""
    pairs = (each.partition("=") for each in text.split(";") if "=" in each)
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs}


def _dkim(record: Record, found: list[str], _beside: Sequence[Record]) -> Judgement:
    """Compare the key, then what its tags allow (RFC 6376, 3.6.1)."""
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
    if "y" in tags.get("t", "").split(":"):
        return "wrong", "it says that the key is only tried out (t=y): receivers treat the mail as not signed"
    if not {"*", "email"} & set(tags.get("s", "*").split(":")) or "sha256" not in tags.get("h", "sha256").split(":"):
        return "wrong", f"it allows no mail, or no SHA-256: s={tags.get('s')} h={tags.get('h')}"
    if tags["p"] != wanted["p"]:
        short = wanted["p"].startswith(tags["p"])
        return "wrong", "the key is cut off" if short else "it is another key"
    return RIGHT


def _dmarc(record: Record, found: list[str], _beside: Sequence[Record]) -> Judgement:
    text = _policy(found)
    if isinstance(text, tuple):
        return text
    tags, wanted = _tags(text), _tags(record.value)["p"]
    policy, share = tags.get("p", "").lower(), tags.get("pct", "100")
    if policy not in STRICTNESS:
        return "wrong", f"it has no policy that counts: ‹{text}›"
    if STRICTNESS.index(policy) < STRICTNESS.index(wanted):
        return "wrong", f"its policy is {policy}, not {wanted}"
    if policy != "none" and share != "100":
        return "wrong", f"its policy is for {share} % of the mail alone (pct)"
    return RIGHT


def _reports(_record: Record, found: list[str], _beside: Sequence[Record]) -> Judgement:
    text = _policy(found)
    return text if isinstance(text, tuple) else RIGHT


_JUDGES: dict[Purpose, Callable[[Record, list[str], Sequence[Record]], Judgement]] = {
    "address": _address,
    "mx": _mx,
    "dkim": _dkim,
    "dmarc": _dmarc,
    "reports": _reports,
    "ptr": _ptr,
}
