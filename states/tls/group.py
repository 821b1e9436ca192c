"""The public 4096-bit Diffie-Hellman group ffdhe4096, computed from its definition, in the form Zimbra's tools read.

By hand, because the library `cryptography` gives up finite-field Diffie-Hellman.
"""

from __future__ import annotations

import base64
import textwrap

BITS = 4096
GENERATOR = 2
OFFSET = 5736041
"""The X of ffdhe4096; RFC 7919, appendix A.3."""
BEGIN, END = "-----BEGIN DH PARAMETERS-----", "-----END DH PARAMETERS-----"
INTEGER, SEQUENCE = 0x02, 0x30
"""Tags of DER; X.690, 8.3 and 8.9."""


def ffdhe4096() -> int:
    """Return the group's prime: p = 2^4096 - 2^4032 + {[2^3966 * e] + X} * 2^64 - 1 (RFC 7919, appendix A.3)."""
    return (1 << BITS) - (1 << BITS - 64) + (_scaled_e(BITS - 130) + OFFSET << 64) - 1


def _scaled_e(bits: int) -> int:
    """Return [2^bits * e], e being the sum of 1/k!; 64 further bits keep the cut terms' errors away."""
    term = total = 1 << bits + 64
    count = 0
    while term:
        count += 1
        term //= count
        total += term
    return total >> 64


def pem(prime: int) -> str:
    """Return a group with the generator 2 as PEM of DHParameter, SEQUENCE { prime, base } (PKCS#3, section 9)."""
    der = _der(SEQUENCE, _integer(prime) + _integer(GENERATOR))
    return "\n".join([BEGIN, *textwrap.wrap(base64.b64encode(der).decode(), 64), END, ""])


def prime(text: str) -> int:
    """Return the prime of the first group in a PEM text of ours: the first integer of its DER. Raises ValueError."""
    der = base64.b64decode(body(text))
    for tag in (SEQUENCE, INTEGER):
        if der[:1] != bytes([tag]):
            raise ValueError("no DHParameter")
        octets = der[1] & 0x7F if der[1] > 0x80 else 0
        size = int.from_bytes(der[2 : 2 + octets]) if octets else der[1]
        der = der[2 + octets :][:size]
    return int.from_bytes(der)


def _integer(value: int) -> bytes:
    return _der(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def body(text: str) -> str:
    """Return the base64 of the first group in a PEM text without line ends, for comparing files; empty when none."""
    _, begin, rest = text.partition(BEGIN)
    inner, end, _ = rest.partition(END)
    return "".join(inner.split()) if begin and end else ""
