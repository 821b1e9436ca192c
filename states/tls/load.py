"""Reads keys and certificates from what an operator supplies: PEM in any order, several things in one file, or DER."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key
from cryptography.utils import CryptographyDeprecationWarning

from states.tls import codes
from zflow.api import OperatorError

LIMIT = 1 << 20
"""Bytes; the largest chain in use is a hundredth of it."""
BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9. ]+)-----\r?\n.*?-----END \1-----", re.DOTALL)
"""One piece of PEM; RFC 7468, section 2. Text around it is allowed."""
CERTIFICATES = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE", b"X.509 CERTIFICATE"})
"""RFC 7468, section 5.1, with the two names of old."""
WRONG = (ValueError, TypeError, UnsupportedAlgorithm)
"""What the library raises for content it cannot use."""


@dataclass(frozen=True)
class Material:
    """What was found in a file."""

    keys: tuple[PrivateKeyTypes, ...]
    certificates: tuple[x509.Certificate, ...]


def content(path: Path) -> bytes | None:
    """Return a file's content, None when there is no such file. Raises OperatorError(UNREADABLE)."""
    try:
        if not path.exists():
            return None
        if not path.is_file():
            raise OperatorError(codes.UNREADABLE, f"{path} is no file")
        with path.open("rb") as file:
            found = file.read(LIMIT + 1)
    except OSError as error:
        raise OperatorError(codes.UNREADABLE, f"{path}: {error.strerror}") from error
    if len(found) > LIMIT:
        raise OperatorError(codes.UNREADABLE, f"{path} is larger than {LIMIT} bytes")
    return found


def parse(data: bytes, name: str) -> Material:
    """Return the keys and certificates of a file's content; `name` is for messages.

    Raises OperatorError(UNREADABLE), which never quotes the content.
    """
    blocks = [(match.group(1), match.group(0) + b"\n") for match in BLOCK.finditer(data)]
    try:
        found = _pem(blocks) if blocks else _der(data)
    except WRONG as error:
        reason = "the key is encrypted" if isinstance(error, TypeError) else "damaged, or of a kind not supported"
        raise OperatorError(codes.UNREADABLE, f"{name}: {reason}") from error
    if not found.keys and not found.certificates:
        raise OperatorError(codes.UNREADABLE, f"{name}: neither a certificate nor a private key in it")
    return found


def _pem(blocks: list[tuple[bytes, bytes]]) -> Material:
    return Material(
        tuple(load_pem_private_key(block, None) for label, block in blocks if label.endswith(b"PRIVATE KEY")),
        tuple(_certificate(block) for label, block in blocks if label in CERTIFICATES),
    )


def _certificate(block: bytes) -> x509.Certificate:
    # Public roots of old have serial numbers that are not positive; that is no matter of ours.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return x509.load_pem_x509_certificate(block)


def _der(data: bytes) -> Material:
    try:
        return Material((), (x509.load_der_x509_certificate(data),))
    except WRONG:
        return Material((load_der_private_key(data, None),), ())
