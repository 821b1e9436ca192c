"""Compares what the DNS holds with what it should hold, by meaning: how a text is split into strings, case, order and
further tags do not matter. No network here: the caller brings the look into the DNS for what an SPF record leads to."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Literal

from states.hardening import spf
from states.hardening.spf import Look, Outcome
from states.hardening.zone import Purpose, Record

Verdict = Literal["right", "wrong", "missing", "unknown"]
Comparison = tuple[Verdict, str]
"""A verdict and its reason for people; of a right record the reason says only what was not checked."""
RIGHT: Comparison = ("right", "")
MISSING: Comparison = ("missing", "there is none")
STRICTNESS = ("none", "quarantine", "reject")
STRANGERS = ("192.0.2.1", "2001:db8::1")
"""Addresses that belong to nobody: they are for documentation (RFC 5737, RFC 3849)."""


def compare(record: Record, found: Sequence[str], wanted: Sequence[Record], look: Look) -> Comparison:
    """Return whether the values found at a record's name and kind are what they should be.

    `wanted` are all wanted records: the server's addresses matter for some others.
    """
    if record.purpose == "spf":
        return _spf(record, found, wanted, look)
    return _COMPARE[record.purpose](record, found, wanted) if found else MISSING


def _address(record: Record, found: Sequence[str], wanted: Sequence[Record]) -> Comparison:
    ours = {each.value for each in wanted if each.purpose == "address" and each.kind == record.kind and each.value}
    if not ours:
        return "right", "not compared: ZFLOW_PUBLIC_ADDRESSES does not name the server's addresses"
    if lacking := sorted(ours - set(found)):
        return "wrong", f"it has {', '.join(sorted(found))}, not {', '.join(lacking)}"
    if others := sorted(set(found) - ours):
        return "wrong", f"it also has {', '.join(others)}, which is not among the server's public addresses"
    return RIGHT


def _mx(record: Record, found: Sequence[str], _wanted: Sequence[Record]) -> Comparison:
    exchanges = {each.partition(" ")[2].rstrip(".").lower() for each in found}
    ours = record.value.partition(" ")[2]
    return RIGHT if ours in exchanges else ("wrong", f"it has {', '.join(sorted(found))}, not {ours}")


def _ptr(record: Record, found: Sequence[str], _wanted: Sequence[Record]) -> Comparison:
    names = {each.rstrip(".").lower() for each in found}
    return RIGHT if record.value in names else ("wrong", f"it has {', '.join(sorted(names))}, not {record.value}")


def _only(texts: Sequence[str], start: str) -> str | Comparison:
    """Return the only text of a kind; receivers ignore two (RFC 7208, 4.5; RFC 7489, 6.6.3)."""
    if not texts:
        return "missing", f"there is no text that begins with {start}"
    if len(texts) > 1:
        return "wrong", f"there are {len(texts)} texts that begin with {start}; only one may"
    return texts[0]


def _spf(record: Record, found: Sequence[str], wanted: Sequence[Record], look: Look) -> Comparison:
    """Evaluate the policy as a receiver does: for each address of the server, then for addresses of nobody."""
    text = _only(spf.records(found), "v=spf1")
    if isinstance(text, tuple):
        return text
    server = next(each.name for each in wanted if each.purpose == "address")
    try:
        addresses = [each.value for each in wanted if each.purpose == "address" and each.value]
        addresses = addresses or [*look(server, "A"), *look(server, "AAAA")]
    except spf.Unheard as error:
        return "unknown", f"not checked: {error}"
    if not addresses:
        return "unknown", f"not checked: {server} has no address in the DNS"

    def ask(address: str, voids: int = spf.VOIDS) -> Outcome:
        evaluation = spf.Evaluation(ipaddress.ip_address(address), f"postmaster@{record.name}", server, look, voids)
        return evaluation.of(record.name, text)

    own = (_own(each, ask(each), text) for each in addresses)
    strangers = (_stranger(ask(each, spf.LOOKUPS), text) for each in STRANGERS)
    return next(filter(None, chain(own, strangers)), RIGHT)


def _own(address: str, outcome: Outcome, text: str) -> Comparison | None:
    """Return what is wrong with a policy's result for an address of the server."""
    match outcome.result:
        case "pass":
            return None
        case "temperror":
            return "unknown", f"not checked for {address}: {outcome.why}"
        case "permerror":
            return "wrong", f"receivers cannot use it: {outcome.why}: ‹{text}›"
        case other:
            return "wrong", f"{address} may not send: {other} by ‹{outcome.why or 'no term'}›: ‹{text}›"


def _stranger(outcome: Outcome, text: str) -> Comparison | None:
    """Return what is wrong with a policy's result for an address of nobody."""
    match outcome.result:
        case "pass":
            return "wrong", f"it allows everybody to send, by ‹{outcome.why}›: ‹{text}›"
        case "permerror":
            return "wrong", f"receivers cannot use it: {outcome.why}: ‹{text}›"
        case "neutral" if not outcome.why:
            return "wrong", f"it forbids nobody to send: its last term is not -all or ~all: ‹{text}›"
        case "temperror":
            return "right", f"not checked who else may send: {outcome.why}"
    return None


def _tags(text: str) -> dict[str, str]:
    """Return the `name=value; ...` of DKIM and DMARC; blanks around and inside are without meaning."""
    pairs = (each.partition("=") for each in text.split(";") if "=" in each)
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs}


def _dkim(record: Record, found: Sequence[str], _wanted: Sequence[Record]) -> Comparison:
    """Compare the key, then what its tags allow (RFC 6376, 3.6.1)."""
    keys = [tags for tags in map(_tags, found) if "p" in tags]
    if not keys:
        return "wrong", "its text has no key (p=)"
    if len(keys) > 1:
        return "wrong", f"there are {len(keys)} keys; only one may be"
    tags, ours = keys[0], _tags(record.value)
    if not tags["p"]:
        return "wrong", "the key is revoked (p= is empty)"
    if _kind(tags) != _kind(ours):
        return "wrong", f"it is a key of another kind: v={tags.get('v')} k={tags.get('k')}"
    if "y" in tags.get("t", "").split(":"):
        return "wrong", "it says that the key is only tested (t=y): receivers treat the mail as not signed"
    if not {"*", "email"} & set(tags.get("s", "*").split(":")) or "sha256" not in tags.get("h", "sha256").split(":"):
        return "wrong", f"it excludes mail or SHA-256: s={tags.get('s')} h={tags.get('h')}"
    if tags["p"] != ours["p"]:
        return "wrong", "the key is cut off" if ours["p"].startswith(tags["p"]) else "it is another key"
    return RIGHT


def _kind(tags: dict[str, str]) -> tuple[str, str]:
    return tags.get("v", "DKIM1").upper(), tags.get("k", "rsa").lower()


def _policy(found: Sequence[str]) -> str | Comparison:
    return _only([each for each in found if re.match(r"\s*v\s*=\s*DMARC1\s*($|;)", each)], "v=DMARC1")


def _dmarc(record: Record, found: Sequence[str], _wanted: Sequence[Record]) -> Comparison:
    text = _policy(found)
    if isinstance(text, tuple):
        return text
    tags, ours = _tags(text), _tags(record.value)["p"]
    policy, share = tags.get("p", "").lower(), tags.get("pct", "100")
    if policy not in STRICTNESS:
        return "wrong", f"it has no valid policy: ‹{text}›"
    if STRICTNESS.index(policy) < STRICTNESS.index(ours):
        return "wrong", f"its policy is {policy}, not {ours}"
    if policy != "none" and share != "100":
        return "wrong", f"its policy is for only {share} % of the mail (pct)"
    return RIGHT


def _reports(_record: Record, found: Sequence[str], _wanted: Sequence[Record]) -> Comparison:
    text = _policy(found)
    return text if isinstance(text, tuple) else RIGHT


_COMPARE: dict[Purpose, Callable[[Record, Sequence[str], Sequence[Record]], Comparison]] = {
    "address": _address,
    "mx": _mx,
    "dkim": _dkim,
    "dmarc": _dmarc,
    "reports": _reports,
    "ptr": _ptr,
}
