"""Checks the supplied pair in a process that can be ended: `python -m states.tls.check`, asked and answering in JSON.

Parsing a stranger's bytes may take as long and as much memory as the stranger likes: a PKCS#12 of two thousand bytes
names two thousand million rounds, and the library cannot be interrupted while it does them. So the kernel's limits are
set before the first byte is parsed, and the caller can end this process at any time. Whatever the library raises, or
dies of, is an answer.

One line of JSON a message: `note` for the progress, `log` for the step's log, and last `checked` or `error`.
"""

from __future__ import annotations

import ipaddress
import json
import resource
import sys
import traceback
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, PublicKeyAlgorithmOID

from states.tls import codes, complete, parse
from states.tls.chain import Trust, build, names_agree
from states.tls.parse import WRONG, subject
from states.tls.read import content
from zflow.api import OperatorError, TransientError, counted

Extension = TypeVar("Extension", bound=x509.ExtensionType)
Tell = Callable[[str, object], None]

RSA_BITS = 2048
"""CA/Browser Forum Baseline Requirements, 6.1.5, as are the curves."""
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
LEAVES = 4
"""Certificates of the key that are tried; each may have issuers to be fetched."""
SERVER = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


def check(asked: Mapping[str, Any], tell: Tell) -> dict[str, object]:
    """Parse, check and complete what is supplied. Raises OperatorError and TransientError(ISSUER_AWAY)."""
    contents = {Path(path): b64decode(data) for path, data in asked["contents"].items()}
    where = " and ".join(map(str, contents))
    found = parse.gather(contents, asked["passphrase"])
    try:
        with parse.damage(where):
            return _first_good(asked, found, where, tell)
    except OperatorError as error:
        if found.unread and error.code in {codes.HALF_PAIR, codes.MISMATCH, codes.INCOMPLETE}:
            raise OperatorError(codes.UNREADABLE, f"{'; '.join(found.unread)}; therefore: {error.detail}") from error
        raise


def _first_good(asked: Mapping[str, Any], found: parse.Material, where: str, tell: Tell) -> dict[str, object]:
    """Return the answer for the best certificate of the key without a fault; else raise what the best one lacks."""
    if len(found.keys) != 1:
        what = "no private key" if not found.keys else f"{len(found.keys)} private keys"
        raise OperatorError(codes.HALF_PAIR, f"{what} in {where}")
    if not found.certificates:
        raise OperatorError(codes.HALF_PAIR, f"no certificate in {where}")
    for words in found.unread:
        tell("log", f"left out: {words}")
    key, hosts, now = found.keys[0], asked["hosts"], datetime.fromtimestamp(asked["now"], UTC)
    refusals: list[OperatorError | TransientError] = []
    for leaf in leaves_of(key, found.certificates, hosts, now)[:LEAVES]:
        try:
            check_leaf(leaf, hosts, now)
            _check_vendor(leaf, rsa_only=asked["rsa_only"])
            return _answer(key, leaf, _issuers(asked, leaf, found.certificates, now, tell))
        except (OperatorError, TransientError) as error:
            refusals.append(error)
    raise refusals[0]


def _check_vendor(leaf: x509.Certificate, *, rsa_only: bool) -> None:
    if rsa_only and _is_ec(leaf):
        raise OperatorError(codes.EC_REFUSED, f"{subject(leaf)}: an EC key")


def _trust(asked: Mapping[str, Any]) -> Trust:
    roots = Path(asked["roots"])
    public = parse.certificates(content(roots, named=True) or b"", str(roots))
    private = [parse.certificates(b64decode(data), name) for name, data in asked["private"].items()]
    return Trust(public, tuple(each for found in private for each in found))


def _issuers(
    asked: Mapping[str, Any], leaf: x509.Certificate, supplied: Sequence[x509.Certificate], now: datetime, tell: Tell
) -> tuple[x509.Certificate, ...]:
    """Return the chain; what is missing is fetched. Raises OperatorError and TransientError(ISSUER_AWAY)."""
    trust, host = _trust(asked), asked["hosts"][0]
    try:
        return build(leaf, supplied, trust, host, now)
    except OperatorError as error:
        if error.code is not codes.INCOMPLETE or asked["networks"] is None:
            raise
        gap = error
    tell("note", "fetching the missing certificates of issuers")
    networks = tuple(map(ipaddress.ip_network, asked["networks"]))
    fetcher = complete.Fetcher(networks, asked["seconds"])
    search = complete.Search(fetcher.get, Path(asked["cache"]), now, lambda words: tell("log", words))
    search.complete(leaf, [*supplied, *trust.private], trust.roots)
    try:
        return build(leaf, [*supplied, *search.found], trust, host, now)
    except OperatorError as error:
        if error.code is not codes.INCOMPLETE:
            raise
        told = "; ".join(search.failures) or "no certificate names a URL for it"
        if search.away:
            raise TransientError(codes.ISSUER_AWAY, f"{gap.detail}; {told}") from error
        raise OperatorError(codes.INCOMPLETE, f"{error.detail}; {told}") from error


def _answer(key: PrivateKeyTypes, leaf: x509.Certificate, issuers: Sequence[x509.Certificate]) -> dict[str, object]:
    # zmcertmgr of 8.8.15 reads RSA keys by `openssl rsa`: the traditional form suits every release.
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    return {
        "key": key_pem,
        "leaf": _pem(leaf),
        "chain": "".join(map(_pem, issuers)),
        "about": f"{subject(leaf)} until {leaf.not_valid_after_utc:%Y-%m-%d}, {counted(len(issuers), 'issuer')}",
        "elliptic": _is_ec(leaf),
    }


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def leaves_of(
    key: PrivateKeyTypes, certificates: Sequence[x509.Certificate], hosts: Sequence[str], now: datetime
) -> list[x509.Certificate]:
    """Return the certificates of the key, the best first: without a fault, issued by another, and lasting longest.

    Raises OperatorError(MISMATCH).
    """
    wanted = parse.public(key)
    matching = [each for each in certificates if _public(each) == wanted]
    if not matching:
        raise OperatorError(
            codes.MISMATCH, f"the key fits none of the certificates: {'; '.join(map(subject, certificates))}"
        )

    def merit(each: x509.Certificate) -> tuple[bool, bool, datetime]:
        return _is_fit(each, hosts, now), not names_agree(each, each), each.not_valid_after_utc

    return sorted(matching, key=merit, reverse=True)


def _public(certificate: x509.Certificate) -> bytes | None:
    """Return a certificate's public key; None for a kind of key that the library does not know."""
    try:
        return parse.public(certificate)
    except WRONG:
        return None


def _is_fit(certificate: x509.Certificate, hosts: Sequence[str], now: datetime) -> bool:
    try:
        check_leaf(certificate, hosts, now)
    except OperatorError:
        return False
    return True


def check_leaf(leaf: x509.Certificate, hosts: Iterable[str], now: datetime) -> None:
    """Raise OperatorError for a key that is weak, dates that are off, a wrong purpose, or a wrong name."""
    _key(leaf)
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now < begin:
        raise OperatorError(codes.DATES, f"{subject(leaf)} is valid only from {begin:%Y-%m-%d %H:%M} UTC")
    if now > end:
        raise OperatorError(codes.DATES, f"{subject(leaf)} expired {end:%Y-%m-%d %H:%M} UTC")
    _purpose(leaf)
    names = host_names(leaf)
    for host in hosts:
        if not any(covers(name, host) for name in names):
            raise OperatorError(
                codes.NAME, f"{host} is not among the certificate's names: {', '.join(names) or 'it has none'}"
            )


def _key(leaf: x509.Certificate) -> None:
    if leaf.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS:
        # Servers are given the key in the traditional form, which cannot say that it is for PSS alone.
        raise OperatorError(codes.WEAK, f"{subject(leaf)}: an RSA-PSS key, which Zimbra's servers cannot use")
    key = leaf.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < RSA_BITS:
            raise OperatorError(codes.WEAK, f"{subject(leaf)}: RSA of {key.key_size} bits")
    elif not isinstance(key, ec.EllipticCurvePublicKey):
        raise OperatorError(codes.WEAK, f"{subject(leaf)}: neither RSA nor EC")
    elif not isinstance(key.curve, CURVES):
        raise OperatorError(codes.WEAK, f"{subject(leaf)}: EC curve {key.curve.name}")


def _purpose(leaf: x509.Certificate) -> None:
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise OperatorError(codes.PURPOSE, f"{subject(leaf)} is a CA's certificate")
    usage = _extension(leaf, x509.ExtendedKeyUsage)
    if usage is not None and not SERVER & set(usage):
        raise OperatorError(codes.PURPOSE, f"{subject(leaf)} is not for TLS servers")
    signing = _extension(leaf, x509.KeyUsage)
    if signing is not None and not signing.digital_signature:
        # Every suite of the profiles has the server sign its key exchange; RFC 5246, 7.4.2.
        raise OperatorError(codes.PURPOSE, f"{subject(leaf)}: its key usage does not include digital signatures")


def host_names(leaf: x509.Certificate) -> list[str]:
    """Return the DNS names a certificate is for."""
    names = _extension(leaf, x509.SubjectAlternativeName)
    return [] if names is None else [name.lower() for name in names.get_values_for_type(x509.DNSName)]


def covers(name: str, host: str) -> bool:
    """Tell whether a certificate's name is for a host; a wildcard stands for the first label (RFC 9525, 6.3).

    By hand, for the library matches a name only together with a chain to a public root.
    """
    first, _, rest = host.partition(".")
    return name == host or (name.startswith("*.") and bool(first) and name[2:] == rest)


def _is_ec(leaf: x509.Certificate) -> bool:
    return isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)


def _extension(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    """Return an extension, None without. Raises OperatorError(UNREADABLE): they are parsed only when asked for."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except WRONG as error:
        raise OperatorError(
            codes.UNREADABLE,
            f"{subject(certificate)}: its extensions cannot be read: {error}; ask the CA for another certificate",
        ) from error


def _tell(kind: str, what: object) -> None:
    print(json.dumps({kind: what}), flush=True)  # noqa: T201 - the answer of this process


def main() -> None:
    """Answer one question from standard input, within the kernel's limits."""
    asked = json.load(sys.stdin)
    limits = (
        (resource.RLIMIT_CPU, asked["processor"]),
        (resource.RLIMIT_AS, asked["memory"]),
        (resource.RLIMIT_CORE, 0),
    )
    for limit, value in limits:
        resource.setrlimit(limit, (value, value))
    try:
        _tell("checked", check(asked, _tell))
    except (OperatorError, TransientError) as error:
        transient = isinstance(error, TransientError)
        _tell("error", {"code": error.code.id, "detail": error.detail, "transient": transient})
    except MemoryError:
        _tell("error", {"code": codes.COSTLY.id, "detail": "it needs too much memory", "transient": False})
    except BaseException as error:  # noqa: BLE001 - for unforeseen bytes the library also raises what is not an Exception
        _tell("log", "".join(traceback.format_exception(error)))
        detail = f"{' and '.join(asked['contents'])}: the library cannot parse it ({type(error).__name__})"
        _tell("error", {"code": codes.UNREADABLE.id, "detail": detail, "transient": False})


if __name__ == "__main__":
    main()
