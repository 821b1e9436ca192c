"""What is supplied, kept and served, side by side; and whether files would be accepted."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from states.tls import deployed, dh, exchange, handshake, hsts, lifetime, pair, parse, read
from zflow.api import Context, Evidence, OperatorError, TransientError

LABELS = {"taken back": "rolled back"}
"""How to print names of the summary that stay as they are in JSON."""
VERSIONS = (*handshake.OLD, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


@dataclass(frozen=True)
class Port:
    """What a port serves; an empty subject: no TLS."""

    number: int
    subject: str = ""
    until: str = ""
    certificates: int = 0
    expected: bool = False
    """Whether it is the installed certificate with the complete chain."""
    versions: tuple[str, ...] = ()
    """Those it speaks; filled by the audit."""


@dataclass(frozen=True)
class Verdict:
    """Whether files would be accepted: what they are and, when refused, the code, the detail and the remedy."""

    about: str
    code: str = ""
    remedy: str = ""

    @property
    def good(self) -> bool:
        """Whether they would be deployed."""
        return not self.code


def summary(ctx: Context) -> list[tuple[str, str]]:
    """Return what is known without asking the network: name and words."""
    files = read.read(ctx).contents
    probes = ((pair, "checked"), (deployed, "deployed"), (lifetime, "lasts"), (hsts, "HSTS"), (dh, "Diffie-Hellman"))
    marked = deployed.rolled_back(ctx)
    return [
        ("supplied", ", ".join(map(str, files)) or "nothing"),
        *((name, _words(module.probe(ctx))) for module, name in probes),
        *([("taken back", f"the pair with the fingerprint {marked[:16]}")] if marked else []),
        *([("under way", "a change of certificates")] if exchange.previous_file(ctx).exists() else []),
    ]


def _words(evidence: Evidence | None) -> str:
    return "not done yet, or out of date" if evidence is None else evidence.summary


def ports(ctx: Context, *, versions: bool = False) -> Iterator[Port]:
    """Yield what each port serves now, by a handshake; with `versions` also which of TLS it speaks."""
    wanted = deployed.installed(ctx)
    for number in handshake.PORTS:
        found = handshake.served(number)
        if not found:
            yield Port(number)
            continue
        subject, until = _named(found[0])
        spoken = [each for each in VERSIONS if versions and handshake.served(number, version=each)]
        expected = handshake.serves(found, wanted)
        yield Port(number, subject, until, len(found), expected, tuple(each.name for each in spoken))


def _named(der: bytes) -> tuple[str, str]:
    """Return what to call a served certificate, and its end."""
    try:
        leaf = x509.load_der_x509_certificate(der)
        return parse.subject(leaf), f"{leaf.not_valid_after_utc:%Y-%m-%d}"
    except parse.WRONG:
        return "a certificate that cannot be read", "?"


def weaknesses(found: Sequence[Port]) -> list[str]:
    """Return what is wrong with the ports, in words."""
    wrong = []
    for port in (each for each in found if each.subject):
        if not port.expected:
            wrong.append(
                f"port {port.number} serves another certificate than the installed one, or an incomplete chain"
            )
        old = sorted(set(port.versions) & {each.name for each in handshake.OLD})
        if old:
            wrong.append(f"port {port.number} speaks {', '.join(old)}")
        if port.versions and not set(port.versions) - set(old):
            wrong.append(f"port {port.number} speaks nothing newer")
    if not any(each.subject for each in found):
        wrong.append("no port answers with TLS")
    return wrong


def check(ctx: Context, files: Sequence[Path]) -> Verdict:
    """Return whether these files, or those that are supplied, would be accepted; nothing is changed.

    Zimbra's own tool is not run. Missing certificates of issuers are fetched, as before a deploy.
    """
    try:
        made = pair.check(ctx, read.read(ctx, files or None), datetime.fromtimestamp(ctx.clock(), UTC))
    except (OperatorError, TransientError) as error:
        return Verdict(f"{error.code.title}: {error.detail}", error.code.id, error.code.remedy)
    if made is None:
        return Verdict("nothing is supplied: the server keeps the certificate it has")
    return Verdict(made.about)
