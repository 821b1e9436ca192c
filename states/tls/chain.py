"""From the server's certificate to a trusted root, through certificates that were supplied in any order.

The library's verifier finds and checks the path to a public root (RFC 5280 and the rules of the web's CAs). The path to
the root of the operator's own CA is checked by `openssl verify`, which Zimbra's tool and mail clients use as well: such
CAs do not keep the rules of the web (`openssl req -x509` alone breaks several), and need not. Where there is no path,
the search here says what is missing.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import MD5, SHA1, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.general_name import DNSName
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from states.tls import codes
from states.tls.memory import shown, unnamed
from states.tls.parse import WRONG, issuer, subject
from zflow.api import OperatorError

DEPTH = 8
"""Issuers between the server's certificate and the root; real chains have one or two."""
PATHS = 8
"""Paths to a root that openssl checks; there are several only where CAs have signed each other."""
LOOKS = 200
"""Certificates that the search for them passes: where many have signed each other, the paths are countless."""
BROKEN: dict[type[HashAlgorithm], str] = {MD5: "MD5", SHA1: "SHA-1"}
"""Digests with which another certificate under the same signature can be made; clients refuse both."""
NOISE = re.compile(
    r"validation failed: |candidates exhausted: |invalid extension: "
    r"| \(encountered processing <Certificate.*?\)>?(?=;|$)"
)
"""What the library's verifier prints around its reasons."""
OIDS = {"2.5.29.35": "authority key identifier", "2.5.29.14": "subject key identifier", "2.5.29.15": "key usage",
        "2.5.29.17": "subject alternative name", "2.5.29.19": "basic constraints", "2.5.29.30": "name constraints",
        "2.5.29.37": "extended key usage"}  # fmt: skip

SECONDS = 20.0
"""For one `openssl verify`, which takes some milliseconds."""
LEVEL = "1"
"""80 bits: RSA from 1024 bits on, no MD5 and no SHA-1 (SSL_CTX_set_security_level(3)); TLS servers begin there."""
ERROR = re.compile(r"^error (\d+) at (\d+) depth lookup: ?(.*)$", re.MULTILINE)
REASONS = {
    7: "its signature is wrong",
    9: "it is not valid yet",
    10: "it has expired",
    18: "it signed itself and is not trusted",
    19: "the root is not trusted",
    24: "it is not a CA's certificate",
    25: "its issuer does not allow so many further CAs",
    26: "its extended key usage does not include TLS servers",
    32: "its key usage does not include signing certificates",
    34: "openssl does not know one of its critical extensions",
    47: "an issuing CA is not permitted to issue for its names (name constraints: permitted)",
    48: "an issuing CA is forbidden to issue for its names (name constraints: excluded)",
    51: "an issuing CA has name constraints of a kind that openssl does not know",
    62: "it is for other names",
    66: "its key is too short",
    67: "its key is too short for a CA",
    68: "its signature's digest is broken",
    79: "it is not a CA's certificate",
}
"""The reasons of x509_vfy.h in words; for others openssl's own words are used."""


@dataclass(frozen=True)
class Trust:
    """The roots at which a chain may end: those of the system, and those of the operator's own CA."""

    public: tuple[x509.Certificate, ...]
    private: tuple[x509.Certificate, ...] = ()
    """What the operator's file holds: the root, and perhaps intermediates, at which no chain may end."""

    @property
    def own(self) -> tuple[x509.Certificate, ...]:
        """The roots of the operator's own CA."""
        return tuple(each for each in self.private if issued_by(each, each))

    @property
    def roots(self) -> tuple[x509.Certificate, ...]:
        """All roots."""
        return (*self.public, *self.own)


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
        if not (wrong := [*_broken(path), *openssl_findings(path, host, now)]):
            # Zimbra wants an issuer for each certificate; one that signed itself is its own.
            return tuple(path[1:]) or (leaf,)
        reasons += wrong
    for path in _paths(leaf, others, trust.public):
        reasons += [*_broken(path), *openssl_findings(path, host, now)] or [f"{subject(leaf)}: {told}"]
    raise _explanation(leaf, others, trust.roots, reasons, trust.private)


def openssl_findings(chain: Sequence[x509.Certificate], host: str, now: datetime) -> list[str]:
    """Return what `openssl verify` finds wrong with a chain from the server's certificate to its root."""
    with ExitStack() as stack:
        leaf, between, root = (
            stack.enter_context(unnamed(_pem(each))) for each in (chain[:1], chain[1:-1], chain[-1:])
        )
        argv = ["openssl", "verify", "-purpose", "sslserver", "-verify_hostname", host, "-auth_level", LEVEL]
        argv += ["-attime", str(int(now.timestamp())), "-no-CApath", "-no-CAstore", "-CAfile", shown(root)]
        argv += [*(["-untrusted", shown(between)] if chain[1:-1] else []), shown(leaf)]
        try:
            ended = subprocess.run(
                argv,
                pass_fds=(leaf, between, root),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return [f"openssl did not answer: {error}"]
    if ended.returncode == 0:
        return []
    found = (
        f"{subject(chain[min(int(depth), len(chain) - 1)])}: {REASONS.get(int(number), words)}"
        for number, depth, words in ERROR.findall(ended.stderr)
    )
    return list(dict.fromkeys(found)) or [f"openssl refuses it: {' '.join(ended.stderr.split())[:200]}"]


def _pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def _plainly(words: str) -> str:
    """Return the verifier's reason without what it says around it."""
    for oid, name in OIDS.items():
        words = words.replace(oid, name)
    return "; ".join(dict.fromkeys(each.strip() for each in NOISE.sub("", words).split(";")))


def _paths(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
) -> list[tuple[x509.Certificate, ...]]:
    """Return some paths from the leaf to one of the roots, the shortest first."""
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
    """Return which certificates have a signature that proves nothing any more; a root's own signature is not used."""
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
            return OperatorError(codes.INCOMPLETE, f"{missing}, is neither supplied nor a root")
        end = reached[-1]
        if issued_by(end, end):
            return OperatorError(codes.UNTRUSTED, f"{subject(end)}, which signed itself, is not trusted")
        return OperatorError(codes.INCOMPLETE, f"{subject(end)} and its issuers sign each other, and none is a root")
    return OperatorError(codes.REFUSED, "; ".join(dict.fromkeys(reasons)) or f"no path of {DEPTH} issuers to a root")


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

    Of a signature with a broken digest only the issuer's name is compared: that it is broken is reported later.
    """
    try:
        certificate.verify_directly_issued_by(issuer)
    except (*WRONG, InvalidSignature):
        return bool(_broken_digest(certificate)) and names_agree(certificate, issuer)
    return True


def _broken_digest(certificate: x509.Certificate) -> str:
    """Return what the broken digest is called under which a certificate is signed; empty for a sound one."""
    try:
        digest = certificate.signature_hash_algorithm
    except WRONG:
        return ""
    return next((name for kind, name in BROKEN.items() if isinstance(digest, kind)), "")


def names_agree(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Tell whether one certificate names another as its issuer; of itself: whether it names itself."""
    try:
        return certificate.issuer == issuer.subject
    except WRONG:
        return False
