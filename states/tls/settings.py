"""What an operator decides about TLS: the pair, whom to trust beyond the public roots, the profile, the DH group."""

from __future__ import annotations

from pathlib import Path

from zflow.api import Context, Setting, absolute_path, choice

KEY = Setting(
    "tls_key",
    absolute_path,
    None,
    "The server's private key, PEM or DER, not encrypted. Not set: app/tls/zimbra.key on the volume.",
    "/data/app/tls/zimbra.key",
)
CERTIFICATE = Setting(
    "tls_cert",
    absolute_path,
    None,
    "The server's certificate and its issuers, PEM in any order or DER. Not set: app/tls/zimbra.crt on the volume.",
    "/data/app/tls/zimbra.crt",
)
PRIVATE_CA = Setting(
    "tls_private_ca",
    absolute_path,
    None,
    "Root certificates (PEM or DER) of a CA of your own, trusted for the server's certificate besides the public ones.",
    "/data/app/tls/ca.crt",
)
PROFILE = Setting(
    "tls_profile",
    choice("intermediate", "modern"),
    "intermediate",
    "Protocols and ciphers: intermediate (TLS 1.2 and later), or modern (TLS 1.3 alone for web, IMAP and POP where the "
    "release knows it, fewer ciphers where not).",
    "modern",
)
DH = Setting(
    "dh",
    choice("generate", "ffdhe4096"),
    "generate",
    "4096-bit Diffie-Hellman parameters: generate your own in the background (minutes to an hour), or take the public "
    "group ffdhe4096 of RFC 7919 at once.",
    "ffdhe4096",
)

SETTINGS = (KEY, CERTIFICATE, PRIVATE_CA, PROFILE, DH)


def key_file(ctx: Context) -> Path:
    """Return where the operator's key is looked for."""
    return ctx.settings.get(KEY) or ctx.volume / "app/tls/zimbra.key"


def certificate_file(ctx: Context) -> Path:
    """Return where the operator's certificate is looked for."""
    return ctx.settings.get(CERTIFICATE) or ctx.volume / "app/tls/zimbra.crt"
