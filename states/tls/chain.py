"""From the server's certificate to a trusted root, out of what was supplied in any order. Pure functions.

To a public root the path is found and judged by the library's verifier (RFC 5280 and the rules of the web's CAs), to
the root of a CA of the operator's own by openssl, which such CAs are made for: `openssl req -x509` alone breaks several
rules of the web. The walk here says in an operator's words what is missing when there is no path.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import MD5, SHA1, HashAlgorithm
from cryptography.x509.general_name import DNSName
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from states.tls import codes, openssl
from states.tls.check import issuer, subject
from states.tls.load import WRONG, certificates
from zflow.api import OperatorError

DEPTH = 8
"""Issuers between the server's certificate and the root; real chains have one or two."""
PATHS = 8
"""Ways to a root that openssl is asked about; there are several only where CAs have signed each other."""
LOOKS = 200
"""Certificates that are passed in the search for them: where many have signed each other, the ways are countless."""
BROKEN: dict[type[HashAlgorithm], str] = {MD5: "MD5", SHA1: "SHA-1"}
"""Digests with which another certificate under the same signature can be made; clients refuse both."""
NOISE = re.compile(
    r"validation failed: |candidates exhausted: |invalid extension: "
    r"| \(encountered processing <Certificate.*?\)>?(?=;|$)"
)
"""What the library's verifier says around its reasons."""
OIDS = {"2.5.29.35": "authority key identifier", "2.5.29.14": "subject key identifier", "2.5.29.15": "key usage",
        "2.5.29.17": "subject alternative name", "2.5.29.19": "basic constraints", "2.5.29.30": "name constraints",
        "2.5.29.37": "extended key usage"}  # fmt: skip


@dataclass(frozen=True)
class Trust:
    """The roots a chain may end at: those of the system, and those of a CA of the operator's own."""

    public: tuple[x509.Certificate, ...]
    private: tuple[x509.Certificate, ...] = ()
    """What the operator's file holds; intermediates beside the root are no end, but on the way."""

    @property
    def own(self) -> tuple[x509.Certificate, ...]:
        """The roots of the operator's own."""
        return tuple(each for each in self.private if issued_by(each, each))


def roots_of(data: bytes, name: str) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a file of roots. Raises OperatorError(UNREADABLE)."""
    return certificates(data, name)


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
    own = trust.own
    others = [each for each in dict.fromkeys((*supplied, *trust.private)) if each != leaf and each not in own]
    told = ""
    if trust.public:
        builder = PolicyBuilder().store(Store(list(trust.public))).time(now).max_chain_depth(DEPTH)
        try:
            return tuple(builder.build_server_verifier(DNSName(host)).verify(leaf, others)[1:])
        except (VerificationError, *WRONG) as error:
            told = _plainly(str(error))
    reasons: list[str] = []
    for path in _paths(leaf, others, own):
        if not (wrong := [*_broken(path), *openssl.verify(path, host, now)]):
            # Zimbra wants an issuer for each certificate; one that signed itself is its own.
            return tuple(path[1:]) or (leaf,)
        reasons += wrong
    for path in _paths(leaf, others, trust.public):
        reasons += [*_broken(path), *openssl.verify(path, host, now)] or [f"{subject(leaf)}: {told}"]
    raise _explanation(leaf, others, [*trust.public, *own], reasons, trust.private)


def _plainly(words: str) -> str:
    """Return the verifier's reason without what it says around it."""
    for oid, name in OIDS.items():
        words = words.replace(oid, name)
    return "; ".join(dict.fromkeys(each.strip() for each in NOISE.sub("", words).split(";")))


def _paths(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
) -> list[tuple[x509.Certificate, ...]]:
    """Return some ways from the leaf to one of the roots, the shortest first."""
    found: list[tuple[x509.Certificate, ...]] = []
    begun: list[tuple[x509.Certificate, ...]] = [(leaf,)]
    for _ in range(LOOKS):
        if not begun or len(found) >= PATHS:
            break
        path, *begun = begun
        if path[-1] in roots:
            found.append(path)
        elif len(path) <= DEPTH + 1:
            begun += [(*path, each) for each in (*roots, *others) if each not in path and issued_by(path[-1], each)]
    return found


def _broken(path: Sequence[x509.Certificate]) -> list[str]:
    """Return which certificates have a signature that proves nothing any more; a root's own is of no matter."""
    return [
        f"{subject(each)}: it is signed with {digest}, which clients refuse"
        for each in path[:-1]
        if (digest := _broken_digest(each))
    ]


def _explanation(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    reasons: list[str],
    private: Sequence[x509.Certificate],
) -> OperatorError:
    reached = reachable(leaf, [*roots, *others])
    if not any(each in roots for each in reached):
        if gaps := open_ends(reached):
            if gaps[-1] in private:
                detail = f"the private CA file must hold the root {issuer(gaps[-1])} itself"
                return OperatorError(codes.INCOMPLETE, detail)
            missing = f"{issuer(gaps[-1])}, which issued {subject(gaps[-1])}"
            return OperatorError(codes.INCOMPLETE, f"{missing}, is neither among the supplied ones nor a root")
        end = reached[-1]
        if issued_by(end, end):
            return OperatorError(codes.UNTRUSTED, f"{subject(end)}, which signed itself, is not trusted")
        return OperatorError(codes.INCOMPLETE, f"{subject(end)} and its issuers sign each other, and none is a root")
    return OperatorError(codes.REFUSED, "; ".join(dict.fromkeys(reasons)) or f"no way of {DEPTH} issuers to a root")


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
    """Tell whether one certificate was signed by another's key, whatever else may be wrong with either.

    A signature with a broken digest is not looked at any more, and taken for the issuer's whose name it bears: that it
    is broken is the reason to tell.
    """
    try:
        certificate.verify_directly_issued_by(issuer)
    except (*WRONG, InvalidSignature):
        return bool(_broken_digest(certificate)) and _names_agree(certificate, issuer)
    return True


def _broken_digest(certificate: x509.Certificate) -> str:
    """Return what the broken digest is called under which a certificate is signed; empty for a sound one."""
    try:
        digest = certificate.signature_hash_algorithm
    except WRONG:
        return ""
    return next((name for kind, name in BROKEN.items() if isinstance(digest, kind)), "")


def _names_agree(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        return certificate.issuer == issuer.subject
    except WRONG:
        return False
