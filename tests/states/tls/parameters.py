"""Diffie-Hellman parameters for tests, as openssl prints them."""

from __future__ import annotations

import base64
import subprocess
from functools import cache

from states.tls.dh import FFDHE4096
from states.tls.group import BEGIN, END, body


@cache
def ffdhe4096() -> str:
    """Return the public group of RFC 7919."""
    return subprocess.run(FFDHE4096, capture_output=True, text=True, check=True).stdout


def other(text: str) -> str:
    """Return parameters that differ from others in the last byte of the prime."""
    der = bytearray(base64.b64decode(body(text)))
    der[-4] ^= 2
    return f"{BEGIN}\n{base64.encodebytes(der).decode()}{END}\n"
