"""What must hold of a supplied pair before anything is touched: key, dates, names, purpose. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from states.tls import codes
from zflow.api import OperatorError

Extension = TypeVar("Extension", bound=x509.ExtensionType)

RSA_BITS = 2048
"""CA/Browser Forum Baseline Requirements, 6.1.5, as are the curves."""
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)

SERVER = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


def subject(certificate: x509.Certificate) -> str:
    """Return how to call a certificate in messages."""
    return certificate.subject.rfc4514_string() or f"serial {certificate.serial_number:x}"


def leaf_of(key: PrivateKeyTypes, certificates: Sequence[x509.Certificate]) -> x509.Certificate:
    """Return the certificate of the key; of several (renewed with the same key) the one that lasts longest.

    Raises OperatorError(MISMATCH).
    """
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    wanted = key.public_key().public_bytes(*form)
    matching = [each for each in certificates if each.public_key().public_bytes(*form) == wanted]
    if not matching:
        raise OperatorError(codes.MISMATCH, f"the key fits none of: {'; '.join(map(subject, certificates))}")
    return max(matching, key=lambda each: each.not_valid_after_utc)


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
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
