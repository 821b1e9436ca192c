"""What must hold of a supplied pair before anything is touched: key, dates, names, purpose. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, PublicKeyAlgorithmOID

from states.tls import codes
from states.tls.load import WRONG, public
from zflow.api import OperatorError

Extension = TypeVar("Extension", bound=x509.ExtensionType)

RSA_BITS = 2048
"""CA/Browser Forum Baseline Requirements, 6.1.5, as are the curves."""
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)

SERVER = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


def subject(certificate: x509.Certificate) -> str:
    """Return how to call a certificate in messages; one whose name is in no proper encoding by its serial number."""
    return (
        _named(lambda: certificate.subject) or f"the certificate with the serial number {certificate.serial_number:x}"
    )


def issuer(certificate: x509.Certificate) -> str:
    """Return how to call a certificate's issuer in messages."""
    return _named(lambda: certificate.issuer) or f"the issuer of {subject(certificate)}"


def _named(name: Callable[[], x509.Name]) -> str:
    try:
        return name().rfc4514_string()
    except WRONG:
        return ""


def leaves_of(
    key: PrivateKeyTypes, certificates: Sequence[x509.Certificate], hosts: Sequence[str], now: datetime
) -> list[x509.Certificate]:
    """Return the certificates of the key, the best first: without a fault, issued by another, and lasting longest.

    Raises OperatorError(MISMATCH).
    """
    wanted = public(key)
    matching = [each for each in certificates if _public(each) == wanted]
    if not matching:
        raise OperatorError(codes.MISMATCH, f"the key fits none of: {'; '.join(map(subject, certificates))}")

    def merit(each: x509.Certificate) -> tuple[bool, bool, datetime]:
        return _is_fit(each, hosts, now), not _signed_itself(each), each.not_valid_after_utc

    return sorted(matching, key=merit, reverse=True)


def _public(certificate: x509.Certificate) -> bytes | None:
    """Return what tells a certificate's key from others; None for a kind of key that is not known here."""
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except WRONG:
        return None


def _is_fit(certificate: x509.Certificate, hosts: Sequence[str], now: datetime) -> bool:
    try:
        check_leaf(certificate, hosts, now)
    except OperatorError:
        return False
    return True


def _signed_itself(certificate: x509.Certificate) -> bool:
    try:
        return certificate.issuer == certificate.subject
    except WRONG:
        return False


def check_leaf(leaf: x509.Certificate, hosts: Iterable[str], now: datetime) -> None:
    """Raise OperatorError for a key that is weak, dates that are off, a wrong purpose, or a wrong name."""
    _key(leaf)
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now < begin:
        raise OperatorError(codes.DATES, f"{subject(leaf)} is valid from {begin:%Y-%m-%d %H:%M} UTC on")
    if now > end:
        raise OperatorError(codes.DATES, f"{subject(leaf)} expired {end:%Y-%m-%d %H:%M} UTC")
    _purpose(leaf)
    names = host_names(leaf)
    for host in hosts:
        if not any(covers(name, host) for name in names):
            raise OperatorError(codes.NAME, f"{host} is not among: {', '.join(names) or 'no names at all'}")


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
        raise OperatorError(codes.PURPOSE, f"{subject(leaf)}: its key must not sign")


def host_names(leaf: x509.Certificate) -> list[str]:
    """Return the DNS names a certificate is for."""
    names = _extension(leaf, x509.SubjectAlternativeName)
    return [] if names is None else [name.lower() for name in names.get_values_for_type(x509.DNSName)]


def covers(name: str, host: str) -> bool:
    """Tell whether a certificate's name is for a host; a wildcard stands for the whole first label (RFC 9525, 6.3)."""
    first, _, rest = host.partition(".")
    return name == host or (name.startswith("*.") and bool(first) and name[2:] == rest)


def is_ec(leaf: x509.Certificate) -> bool:
    """Tell whether it is a certificate of an EC key."""
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
            f"{subject(certificate)}: its extensions cannot be read: {error}; ask the CA for another",
        ) from error
