"""The verdict of `openssl verify` about one chain: the judge that Zimbra's own tool and mail clients at home ask.

For the CA of an operator's own it is the measure: such CAs do not keep the rules of the web's CAs, and need not.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from states.tls.check import subject
from states.tls.files import shown, unnamed

SECONDS = 20.0
"""For one verdict, which takes some milliseconds."""
LEVEL = "1"
"""80 bits: RSA from 1024 bits on, no MD5 and no SHA-1 (SSL_CTX_set_security_level(3)); TLS servers begin there."""
ERROR = re.compile(r"^error (\d+) at (\d+) depth lookup: ?(.*)$", re.MULTILINE)
REASONS = {
    7: "its signature is wrong",
    9: "it is not valid yet",
    10: "it has expired",
    18: "it signed itself and is not trusted",
    19: "the root is not trusted",
    24: "it is not a CA's certificate",
    25: "its issuer does not allow so many CAs below it",
    26: "its extended key usage leaves out TLS servers",
    32: "its key usage leaves out signing certificates",
    34: "it has a critical extension that openssl does not know",
    47: "a CA above it is not allowed to issue for its names (name constraints: permitted)",
    48: "a CA above it is forbidden to issue for its names (name constraints: excluded)",
    51: "a CA above it has name constraints of a kind that openssl does not know",
    62: "it is for other names",
    66: "its key is too short",
    67: "its key is too short for a CA",
    68: "its signature's digest is broken",
    79: "it is not a CA's certificate",
}
"""The reasons of x509_vfy.h in words; what is not here keeps openssl's own."""


def verify(chain: Sequence[x509.Certificate], host: str, now: datetime) -> list[str]:
    """Return what is wrong with a chain from the server's certificate to its root, nothing when openssl takes it."""
    with ExitStack() as stack:
        leaf, between, root = (
            stack.enter_context(unnamed(_pem(each))) for each in (chain[:1], chain[1:-1], chain[-1:])
        )
        argv = ["openssl", "verify", "-purpose", "sslserver", "-verify_hostname", host, "-auth_level", LEVEL]
        argv += ["-attime", str(int(now.timestamp())), "-no-CApath", "-no-CAstore", "-CAfile", shown(root)]
        argv += [*(["-untrusted", shown(between)] if chain[1:-1] else []), shown(leaf)]
        descriptors = (leaf, between, root)
        try:
            ended = subprocess.run(
                argv,
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return [f"openssl did not answer: {error}"]
    if ended.returncode == 0:
        return []
    found = [_told(chain, int(number), int(depth), words) for number, depth, words in ERROR.findall(ended.stderr)]
    return list(dict.fromkeys(found)) or [f"openssl refuses it: {' '.join(ended.stderr.split())[:200]}"]


def _told(chain: Sequence[x509.Certificate], number: int, depth: int, words: str) -> str:
    at = chain[min(depth, len(chain) - 1)]
    return f"{subject(at)}: {REASONS.get(number, words)}"


def _pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)
