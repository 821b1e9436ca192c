"""Just enough OpenPGP to tell which primary keys a file holds, by their full fingerprints, before apt may trust it.

RFC 4880 (RFC 9580): packet headers 4.2, armour 6.2, version 4 fingerprints 12.2. Signatures are apt's business.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator

PUBLIC_KEY = 6
SECRET_KEYS = frozenset({5, 7})
ARMOUR = re.compile(
    rb"-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(?:[^\r\n:]+: [^\r\n]*\r?\n)*\s*\r?\n(.*?)\r?\n-----END PGP", re.DOTALL
)


def binary(content: bytes) -> bytes:
    """Return the packets of a key file, armoured (all its blocks) or binary. Raises ValueError for anything else."""
    if b"-----BEGIN PGP" not in content:
        return content
    blocks = ARMOUR.findall(content)
    if len(blocks) != content.count(b"-----BEGIN PGP"):
        raise ValueError("its armour is not that of a public key")
    return b"".join(_dearmoured(block) for block in blocks)


def _dearmoured(block: bytes) -> bytes:
    lines = [line.strip() for line in block.splitlines() if not line.startswith(b"=")]
    try:
        return base64.b64decode(b"".join(lines), validate=True)
    except binascii.Error as error:
        raise ValueError(f"its armour is damaged: {error}") from None


def primary_fingerprints(packets: bytes) -> list[str]:
    """Return the fingerprints of all primary public keys in order, upper case.

    Raises ValueError for damage and for a secret key: a vendor publishes none, apt needs none.
    """
    found = list(_packets(packets))
    if any(kind in SECRET_KEYS for kind, _ in found):
        raise ValueError("it holds a secret key")
    return [_fingerprint(body) for kind, body in found if kind == PUBLIC_KEY]


def _fingerprint(body: bytes) -> str:
    if not body or body[0] != 4:
        raise ValueError("it holds a key of a version other than 4")
    if len(body) >= 1 << 16:
        raise ValueError("it holds a key of impossible length")
    digest = hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False)
    return digest.hexdigest().upper()


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        head = data[at]
        if not head & 0x80:
            raise ValueError("it is not a key: no OpenPGP packet where one should be")
        kind, length, at = _new_header(data, at) if head & 0x40 else _old_header(data, at)
        if at + length > len(data):
            raise ValueError("it is cut off")
        yield kind, data[at : at + length]
        at += length


def _old_header(data: bytes, at: int) -> tuple[int, int, int]:
    width = {0: 1, 1: 2, 2: 4}.get(data[at] & 3)
    if width is None:
        raise ValueError("it has a packet without a length")
    return (data[at] >> 2) & 0xF, int.from_bytes(data[at + 1 : at + 1 + width], "big"), at + 1 + width


def _new_header(data: bytes, at: int) -> tuple[int, int, int]:
    kind, first = data[at] & 0x3F, int.from_bytes(data[at + 1 : at + 2], "big")
    if first < 192:
        return kind, first, at + 2
    if first < 224:
        return kind, ((first - 192) << 8) + int.from_bytes(data[at + 2 : at + 3], "big") + 192, at + 3
    if first == 255:
        return kind, int.from_bytes(data[at + 2 : at + 6], "big"), at + 6
    raise ValueError("it has a packet in parts")
