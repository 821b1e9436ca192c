"""From the server's certificate to a trusted root, out of what was supplied in any order. Pure functions.

The path is found and judged by the library's verifier (RFC 5280 and the rules of the web's CAs); the walk here only
says in an operator's words what is missing when there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.general_name import DNSName
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from states.tls import codes
from states.tls.check import subject
from states.tls.files import content
from states.tls.load import parse
from zflow.api import OperatorError

SYSTEM_ROOTS = Path("/etc/ssl/certs/ca-certificates.crt")
"""Debian's ca-certificates in this image."""
DEPTH = 8
"""Issuers between the server's certificate and the root; real chains have one or two."""


@dataclass(frozen=True)
class Trust:
    """The roots a chain may end at: those of the system, and those of a CA of the operator's own."""

    public: tuple[x509.Certificate, ...]
    private: tuple[x509.Certificate, ...] = ()


def roots_of(path: Path) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a file of roots. Raises OperatorError(UNREADABLE)."""
    data = content(path)
    if data is None:
        raise OperatorError(codes.UNREADABLE, f"{path}: there is no such file")
    found = parse(data, str(path)).certificates
    if not found:
        raise OperatorError(codes.UNREADABLE, f"{path}: no certificate in it")
    return found


def build(
    leaf: x509.Certificate,
    supplied: Sequence[x509.Certificate],
    trust: Trust,
    host: str,
    now: datetime,
) -> tuple[x509.Certificate, ...]:
    """Return the issuers from the leaf's own to the root, the root included, for Zimbra needs it in the file.

    Raises OperatorError(INCOMPLETE, UNTRUSTED or REFUSED).
    """
    others = [each for each in supplied if each != leaf]
    leaves, issuers = ExtensionPolicy.webpki_defaults_ee(), ExtensionPolicy.webpki_defaults_ca()
    # What a CA of one's own issued need not keep the rule of the web that a key identifier of the issuer is stated.
    attempts = ((trust.public, leaves, issuers), (trust.private, _lenient(leaves), _lenient(issuers)))
    reasons = []
    for roots, leaf_policy, issuer_policy in attempts:
        if not roots:
            continue
        builder = PolicyBuilder().store(Store(list(roots))).time(now).max_chain_depth(DEPTH)
        builder = builder.extension_policies(ee_policy=leaf_policy, ca_policy=issuer_policy)
        try:
            found = builder.build_server_verifier(DNSName(host)).verify(leaf, others)
        except VerificationError as error:
            reasons.append(str(error))
        else:
            return _up_to_root(found)
    raise _explanation(leaf, others, [*trust.public, *trust.private], reasons)


def _lenient(policy: ExtensionPolicy) -> ExtensionPolicy:
    return policy.may_be_present(x509.AuthorityKeyIdentifier, Criticality.AGNOSTIC, None)


def _up_to_root(found: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    if found[-1].issuer != found[-1].subject:
        detail = f"the private CA file must hold the root {found[-1].issuer.rfc4514_string()} itself"
        raise OperatorError(codes.INCOMPLETE, detail)
    return tuple(found[1:])


def _explanation(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], reasons: list[str]
) -> OperatorError:
    reached = reachable(leaf, [*roots, *others])
    if not any(each in roots for each in reached):
        if gaps := open_ends(reached):
            missing = f"{gaps[-1].issuer.rfc4514_string()}, which issued {subject(gaps[-1])}"
            return OperatorError(codes.INCOMPLETE, f"{missing}, is neither among the supplied ones nor a root")
        end = reached[-1]
        if issued_by(end, end):
            return OperatorError(codes.UNTRUSTED, f"{subject(end)}, which signed itself, is not trusted")
        return OperatorError(codes.INCOMPLETE, f"{subject(end)} and its issuers sign each other, and none is a root")
    return OperatorError(codes.REFUSED, f"{subject(leaf)}: {'; '.join(reasons)}")


def reachable(leaf: x509.Certificate, others: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Return the leaf and all whose signatures lead to it, nearest first, each once: loops end."""
    found = [leaf]
    for certificate in found:
        found += [each for each in dict.fromkeys(others) if each not in found and issued_by(certificate, each)]
    return found


def open_ends(reached: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Return those of the reached certificates whose issuer is not among them."""
    return [each for each in reached if not any(issued_by(each, issuer) for issuer in reached)]


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Tell whether one certificate was signed by another's key, whatever else may be wrong with either."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
