"""Reads keys and certificates from what an operator supplies, or what a CA's server answers with.

PEM in any order with several things in one file, DER, PKCS#7 in both forms, PKCS#12; keys also under a passphrase.
What it is, the content tells, not the file's name.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key, pkcs7, pkcs12

from states.tls import codes
from zflow.api import OperatorError, Secret

BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9#. ]+)-----\r?\n(?:(?!-----BEGIN ).)*?-----END \1-----", re.DOTALL)
"""One piece of PEM; RFC 7468, section 2. Text around it is allowed. A piece ends where another begins, so that many
beginnings without an end are not each looked through to the end of the file."""
CERTIFICATES = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE", b"X.509 CERTIFICATE"})
"""RFC 7468, section 5.1, with the two names of old."""
BUNDLES = frozenset({b"PKCS7", b"PKCS #7 SIGNED DATA", b"CMS"})
"""RFC 7468, sections 8 and 9."""
PFX = re.compile(rb"\x30(?:[\x00-\x80]|\x81.|\x82..|\x83...)\x02\x01\x03", re.DOTALL)
"""How a PKCS#12 begins: a sequence whose first member is the version 3; RFC 7292, section 4."""
WRONG = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)
"""What the library raises for content it cannot use."""


@dataclass(frozen=True)
class Material:
    """What was found in a file."""

    keys: tuple[PrivateKeyTypes, ...]
    certificates: tuple[x509.Certificate, ...]


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Have what the library raises for damaged content, also where it is only looked at later, as UNREADABLE."""
    try:
        yield
    except WRONG as error:
        raise OperatorError(codes.UNREADABLE, f"{name}: damaged, or of a kind not supported") from error


class _Locked(Exception):
    """The content is encrypted, and what is known does not open it."""


def parse(data: bytes, name: str, passphrase: Secret | None = None) -> Material:
    """Return the keys and certificates of a file's content; `name` is for messages.

    Raises OperatorError(UNREADABLE or PASSPHRASE), which never quotes the content.
    """
    word = passphrase.reveal().encode() if passphrase is not None else None
    blocks = [(match.group(1), match.group(0) + b"\n") for match in BLOCK.finditer(data)]
    # Public roots of old have serial numbers that are not positive, some bundles are BER; that is no matter of ours.
    with warnings.catch_warnings(), readable(name):
        warnings.simplefilter("ignore")
        try:
            found = _pem(blocks, word) if blocks else _der(data, word)
        except _Locked as error:
            raise OperatorError(codes.PASSPHRASE, f"{name}: {error}") from error
    if not found.keys and not found.certificates:
        raise OperatorError(codes.UNREADABLE, f"{name}: neither a certificate nor a private key in it")
    return found


def _pem(blocks: list[tuple[bytes, bytes]], word: bytes | None) -> Material:
    keys = [_key(load_pem_private_key, block, word) for label, block in blocks if label.endswith(b"PRIVATE KEY")]
    certificates: list[x509.Certificate] = []
    for label, block in blocks:
        if label in CERTIFICATES:
            certificates.append(x509.load_pem_x509_certificate(block))
        elif label in BUNDLES:
            certificates += pkcs7.load_pem_pkcs7_certificates(block)
    return Material(tuple(keys), tuple(certificates))


def _der(data: bytes, word: bytes | None) -> Material:
    if PFX.match(data):
        return _pkcs12(data, word)
    with suppress(*WRONG):
        return Material((), (x509.load_der_x509_certificate(data),))
    with suppress(*WRONG):
        return Material((), tuple(pkcs7.load_der_pkcs7_certificates(data)))
    return Material((_key(load_der_private_key, data, word),), ())


def _key(read: Callable[[bytes, bytes | None], PrivateKeyTypes], data: bytes, word: bytes | None) -> PrivateKeyTypes:
    try:
        return read(data, None)
    except TypeError as error:
        # So the library says that the key is encrypted.
        if word is None:
            raise _Locked("the key is encrypted, and no passphrase is set") from error
    try:
        return read(data, word)
    except ValueError as error:
        raise _Locked("the passphrase does not open the key") from error


def _pkcs12(data: bytes, word: bytes | None) -> Material:
    # "No passphrase" is written in two ways, as an absent one and as an empty one.
    for each in dict.fromkeys((word, None, b"")):
        with suppress(ValueError):
            key, certificate, others = pkcs12.load_key_and_certificates(data, each)
            found = (*([certificate] if certificate else []), *others)
            return Material((key,) if key is not None else (), found)
    raise _Locked("the passphrase does not open the PKCS#12" if word else "the PKCS#12 needs a passphrase")
