"""The 4096-bit Diffie-Hellman group: where it is kept, and how files and ports are compared with it."""

from __future__ import annotations

import base64
from pathlib import Path

from zflow.api import Context

BITS = 4096
BEGIN, END = "-----BEGIN DH PARAMETERS-----", "-----END DH PARAMETERS-----"
INTEGER = b"\x02\x82"
"""How DER begins an integer whose length takes two bytes; X.690, 8.1.3 and 8.3."""


def folder(ctx: Context) -> Path:
    """Return where the parameters are kept."""
    return ctx.home / "dh"


def file(ctx: Context) -> Path:
    """Return the finished parameters, PKCS#3 PEM."""
    return folder(ctx) / "dhparam-4096.pem"


def body(text: str) -> str:
    """Return the base64 of the first group in a PEM text without line ends, for comparing files; empty when none."""
    _, begin, rest = text.partition(BEGIN)
    inner, end, _ = rest.partition(END)
    return "".join(inner.split()) if begin and end else ""


def has_prime(text: str, prime: bytes) -> bool:
    """Tell whether the group in a PEM text, DHParameter of PKCS#3, section 9, has that prime of 1024 bits or more."""
    return INTEGER + (len(prime) + 1).to_bytes(2) + b"\0" + prime in base64.b64decode(body(text))
