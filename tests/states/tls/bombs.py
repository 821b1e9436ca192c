"""Small files that ask for endless work: a key derivation with two thousand million rounds (RFC 7292, RFC 8018)."""

from __future__ import annotations

ROUNDS = (1 << 31) - 1
DATA, PBES2, PBKDF2 = "2a864886f70d010701", "2a864886f70d01050d", "2a864886f70d01050c"
SHA256, HMAC_SHA256, AES256 = "608648016503040201", "2a864886f70d0209", "60864801650304012a"


def tlv(tag: int, *parts: bytes) -> bytes:
    """Return an element of DER."""
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*parts: bytes) -> bytes:
    """Return a sequence."""
    return tlv(0x30, *parts)


def oid(digits: str) -> bytes:
    """Return an object identifier from the hex of its content."""
    return tlv(0x06, bytes.fromhex(digits))


def number(value: int) -> bytes:
    """Return an integer."""
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def pkcs12(rounds: int = ROUNDS) -> bytes:
    """Return a PKCS#12 of two thousand bytes whose integrity is protected by that many rounds."""
    content = sequence(
        oid(DATA), tlv(0xA0, tlv(0x04, sequence(sequence(oid(DATA), tlv(0xA0, tlv(0x04, bytes(1900)))))))
    )
    digest = sequence(sequence(oid(SHA256), tlv(0x05)), tlv(0x04, bytes(32)))
    return sequence(number(3), content, sequence(digest, tlv(0x04, bytes(8)), number(rounds)))


def encrypted_key(rounds: int = ROUNDS) -> bytes:
    """Return an encrypted PKCS#8 whose key derivation takes that many rounds."""
    derivation = sequence(tlv(0x04, bytes(8)), number(rounds), sequence(oid(HMAC_SHA256), tlv(0x05)))
    cipher = sequence(oid(AES256), tlv(0x04, bytes(16)))
    return sequence(sequence(oid(PBES2), sequence(sequence(oid(PBKDF2), derivation), cipher)), tlv(0x04, bytes(1232)))
