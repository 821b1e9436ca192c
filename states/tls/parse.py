"""Parses keys and certificates: an operator's files, or the answer of a CA's server.

PEM in any order with several objects in one file, DER, PKCS#7 in both forms, PKCS#12; keys also under a passphrase. The
content decides what it is, not the file's name. A certificate that cannot be read is reported and does not stop the
others. The content also decides how long parsing takes (a PKCS#12 names the rounds of its key derivation). So it is
done in a process that can be ended: `check`.
"""

from __future__ import annotations

import binascii
import codecs
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
    pkcs7,
    pkcs12,
)

from states.tls import codes, foreign
from zflow.api import OperatorError

BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9#. ]+)-----\n(?:(?!-----BEGIN ).)*?-----END \1-----", re.DOTALL)
"""One piece of PEM; RFC 7468, section 2. Text around it is allowed. A piece ends where another begins, so that many
beginnings without an end are not each looked through to the end of the file."""
CERTIFICATES = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE", b"X.509 CERTIFICATE", b"TRUSTED CERTIFICATE"})
"""RFC 7468, section 5.1, with the two names of old, and openssl's own for one with what it is trusted for behind it."""
BUNDLES = frozenset({b"PKCS7", b"PKCS #7 SIGNED DATA", b"CMS"})
"""RFC 7468, sections 8 and 9."""
PFX = re.compile(rb"\x30(?:[\x00-\x80]|\x81.|\x82..|\x83...)\x02\x01\x03", re.DOTALL)
"""How a PKCS#12 begins: a sequence whose first member is the version 3; RFC 7292, section 4."""
UNICODE = (
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"-\0-\0", "utf-16-le"),
    (b"\0-\0-", "utf-16-be"),
)
"""How PEM begins that Windows saved as UTF-16, with a mark and without."""
WRONG = (
    ValueError,
    TypeError,
    OverflowError,
    NotImplementedError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.AttributeNotFound,
)
"""What the library raises for content it cannot use."""


@dataclass(frozen=True)
class Material:
    """What was found in a file."""

    keys: tuple[PrivateKeyTypes, ...]
    certificates: tuple[x509.Certificate, ...]
    unread: tuple[str, ...] = ()
    """What could not be read, in words."""


@contextmanager
def damage(name: str) -> Iterator[None]:
    """Turn what the library raises for damaged content, also where it parses it only later, into UNREADABLE."""
    try:
        yield
    except WRONG as error:
        raise OperatorError(codes.UNREADABLE, f"{name}: damaged, or of a kind not supported ({error})"[:400]) from error


class _Locked(Exception):
    """The content is encrypted, and the passphrase, if any, does not open it."""


def gather(contents: Mapping[Path, bytes], passphrase: str | None) -> Material:
    """Return what is in several files, each key and certificate once. Raises OperatorError as `parse` does."""
    found = [parse(data, str(path), passphrase) for path, data in contents.items()]
    keys = {public(key): key for each in found for key in each.keys}
    certificates = dict.fromkeys(one for each in found for one in each.certificates)
    return Material(tuple(keys.values()), tuple(certificates), tuple(words for each in found for words in each.unread))


def public(owner: PrivateKeyTypes | x509.Certificate) -> bytes:
    """Return the public key of a private key or a certificate, by which they are compared."""
    return owner.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


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


def parse(data: bytes, name: str, passphrase: str | None = None) -> Material:
    """Return the keys and certificates of a file's content; `name` is for messages.

    Raises OperatorError(UNREADABLE or PASSPHRASE), which never quotes the content.
    """
    word = passphrase.encode() if passphrase is not None else None
    data = _text(data)
    blocks = _blocks(data)
    with _calmly(name):
        try:
            found = _pem(blocks, word, name) if blocks else _der(data, word)
        except _Locked as error:
            raise OperatorError(codes.PASSPHRASE, f"{name}: {error}") from error
        except WRONG as error:
            if (what := foreign.what(data)) is not None:
                raise OperatorError(codes.UNREADABLE, f"{name}: this is {what}") from error
            raise
    if not found.keys and not found.certificates:
        what = foreign.what(data)
        otherwise = f"this is {what}" if what is not None else "neither a certificate nor a private key in it"
        raise OperatorError(codes.UNREADABLE, "; ".join(found.unread) or f"{name}: {otherwise}")
    return found


def certificates(data: bytes, name: str) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a file of roots or of a stranger's answer: X.509 or PKCS#7; nothing is decrypted.

    Raises OperatorError(UNREADABLE).
    """
    data = _text(data)
    blocks = _blocks(data)
    with _calmly(name):
        found = _certificates(blocks, name) if blocks else Material((), tuple(_plain(data)))
    if not found.certificates:
        raise OperatorError(codes.UNREADABLE, "; ".join(found.unread) or f"{name}: no certificate in it")
    return found.certificates


@contextmanager
def _calmly(name: str) -> Iterator[None]:
    # Old public roots have serial numbers that are not positive, some bundles are BER; both are harmless here.
    with warnings.catch_warnings(), damage(name):
        warnings.simplefilter("ignore")
        yield


def _text(data: bytes) -> bytes:
    """Return PEM as it should be: no UTF-16, one kind of line end, no blanks around a line; all else as it is."""
    for mark, encoding in UNICODE:
        if data.startswith(mark):
            with suppress(UnicodeDecodeError):
                data = data.decode(encoding).encode()
                break
    if b"-----BEGIN " not in data:
        return data
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return b"\n".join(line.strip(b" \t") for line in lines)


def _blocks(data: bytes) -> list[tuple[bytes, bytes]]:
    return [(match.group(1), match.group(0) + b"\n") for match in BLOCK.finditer(data)]


def _pem(blocks: list[tuple[bytes, bytes]], word: bytes | None, name: str) -> Material:
    keys = []
    unread = []
    for label, block in blocks:
        if label == b"OPENSSH PRIVATE KEY":
            unread.append(f"{name}: this is {foreign.OPENSSH}")
        elif label.endswith(b"PRIVATE KEY"):
            keys.append(_key(load_pem_private_key, block, word))
    others = _certificates(blocks, name)
    return Material(tuple(keys), others.certificates, (*unread, *others.unread))


def _certificates(blocks: list[tuple[bytes, bytes]], name: str) -> Material:
    found: list[x509.Certificate] = []
    unread = []
    pieces = [(label, block) for label, block in blocks if label in CERTIFICATES or label in BUNDLES]
    for number, (label, block) in enumerate(pieces, 1):
        try:
            if label in BUNDLES:
                found += pkcs7.load_pem_pkcs7_certificates(block)
            else:
                found += _plain(_first(binascii.a2b_base64(block.split(b"-----")[2])))
        except WRONG:
            unread.append(f"{name}: certificate {number} of {len(pieces)} is damaged, or of a kind not supported")
    return Material((), tuple(found), tuple(unread))


def _first(der: bytes) -> bytes:
    """Return the first element of DER; openssl's TRUSTED CERTIFICATE has one more behind it (X.690, 8.1.3)."""
    if len(der) < 2:
        return der
    count = der[1] & 0x7F if der[1] & 0x80 else 0
    size = int.from_bytes(der[2 : 2 + count], "big") if count else der[1]
    return der[: 2 + count + size] if count <= 4 and size else der


def _plain(data: bytes) -> list[x509.Certificate]:
    """Return the certificates of DER: one, or those of a PKCS#7, as which some CAs label theirs CERTIFICATE."""
    with suppress(*WRONG):
        return [x509.load_der_x509_certificate(data)]
    return pkcs7.load_der_pkcs7_certificates(data)


def _der(data: bytes, word: bytes | None) -> Material:
    if PFX.match(data):
        return _pkcs12(data, word)
    with suppress(*WRONG):
        return Material((), tuple(_plain(data)))
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
