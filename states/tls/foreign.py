"""Files that operators supply by mistake for a key or certificate, recognised by content, and how to convert them.

None of them is read; the message says what they are.
"""

from __future__ import annotations

import re

JKS = (
    "a Java keystore; `keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12` "
    "converts it"
)
OPENSSH = "a key in OpenSSH's own format; `ssh-keygen -p -m PEM -f COPY` rewrites a copy of it as PEM"
SIGNS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(sign, re.DOTALL), what)
    for sign, what in (
        (rb"\A(?:\xfe\xed\xfe\xed|\xce\xce\xce\xce)", JKS),
        (rb"-----BEGIN OPENSSH PRIVATE KEY-----", OPENSSH),
        (rb"-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----", "a certificate request, not the certificate made from it"),
        (rb"-----BEGIN PGP ", "a file of OpenPGP, which TLS cannot use"),
        (rb"-----BEGIN (?:RSA )?PUBLIC KEY-----", "a public key; the private key and a certificate are needed"),
        (rb"\APuTTY-User-Key-File-", "a key of PuTTY's; `puttygen FILE -O private-openssh -o FILE.key` converts it"),
        (rb"\A(?:ssh-|ecdsa-)\S+ AAAA", "a public key of OpenSSH's; the private key and a certificate are needed"),
        (rb"\A\s*\{.*\"[Cc]ertificates?\"", "JSON as Traefik's acme.json; extract key and certificate (base64 of PEM)"),
        (rb"\A(?:PK\x03\x04|\x1f\x8b|BZh|\xfd7zXZ)", "an archive; unpack it"),
        (rb"\A\s*<", "an HTML or XML page"),
    )
)  # fmt: skip
"""A sign in the content, and what it is a sign of."""


def what(data: bytes) -> str | None:
    """Return what a content is that is neither key nor certificate, and how to convert it; None when unknown."""
    return next((words for sign, words in SIGNS if sign.search(data)), None)
