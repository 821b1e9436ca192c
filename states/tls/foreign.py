"""What an operator supplies by mistake for a key or certificate: recognised by its begin, with the way to convert.

None of it is read; what it is called spares a search.
"""

from __future__ import annotations

import re

JKS = (
    "a Java keystore; `keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12` "
    "converts it"
)
OPENSSH = "a key in OpenSSH's own form; `ssh-keygen -p -m PEM -f COPY` writes a copy of it anew as PEM"
SIGNS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(sign, re.DOTALL), what)
    for sign, what in (
        (rb"\A(?:\xfe\xed\xfe\xed|\xce\xce\xce\xce)", JKS),
        (rb"-----BEGIN OPENSSH PRIVATE KEY-----", OPENSSH),
        (rb"-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----", "a certificate request, not the certificate made of it"),
        (rb"-----BEGIN PGP ", "of OpenPGP, which TLS has no use for"),
        (rb"-----BEGIN (?:RSA )?PUBLIC KEY-----", "a public key; the private key and a certificate are needed"),
        (rb"\APuTTY-User-Key-File-", "a key of PuTTY's; `puttygen FILE -O private-openssh -o FILE.key` converts it"),
        (rb"\A(?:ssh-|ecdsa-)\S+ AAAA", "a public key of OpenSSH's; the private key and a certificate are needed"),
        (rb"\A\s*\{.*\"[Cc]ertificates?\"", "JSON as Traefik's acme.json; take both out of it (base64 of PEM)"),
        (rb"\A(?:PK\x03\x04|\x1f\x8b|BZh|\xfd7zXZ)", "a packed archive; unpack it"),
        (rb"\A\s*<", "an HTML or XML page"),
    )
)  # fmt: skip
"""A sign in the content, and what it is a sign of."""


def what(data: bytes) -> str | None:
    """Return what some content is that is neither key nor certificate, and the way out; None when nobody knows."""
    return next((words for sign, words in SIGNS if sign.search(data)), None)
