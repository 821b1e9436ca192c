"""What an operator decides about TLS: the pair, whom to trust beyond the public roots, profile, DH group, HSTS."""

from __future__ import annotations

from zflow.api import Secret, Setting, absolute_path, choice, flag, host_name, many, network, number, text

KEY = Setting(
    "tls_key",
    absolute_path,
    None,
    "The server's private key: PEM, DER or PKCS#12. Not set: app/tls/zimbra.key on the volume.",
    "/data/app/tls/zimbra.key",
)
CERTIFICATE = Setting(
    "tls_cert",
    absolute_path,
    None,
    "The server's certificate and its issuers in any order: PEM, DER, PKCS#7 or PKCS#12; key and certificate may stand "
    "in one file. Not set: app/tls/zimbra.crt on the volume.",
    "/data/app/tls/zimbra.crt",
)
PASSPHRASE = Setting(
    "tls_passphrase",
    lambda value: Secret(text(value)),
    None,
    "What an encrypted key or PKCS#12 is opened with; better in a file named by ZFLOW_TLS_PASSPHRASE_FILE.",
    "correct horse battery staple",
)
PRIVATE_CA = Setting(
    "tls_private_ca",
    absolute_path,
    None,
    "The root of a CA of your own, with its intermediates or without (PEM, DER or PKCS#7), trusted for the server's "
    "certificate besides the public ones.",
    "/data/app/tls/ca.crt",
)
NAMES = Setting(
    "tls_names",
    many(host_name),
    "",
    "Further names that the certificate must be for, besides the server's own. Where the proxy answers under a list of "
    "names alone (zimbraReverseProxyStrictServerNameEnabled), they are put on it.",
    "imap.example.org, autodiscover.example.org",
)
AIA = Setting(
    "tls_aia",
    flag,
    "yes",
    "Fetch missing certificates of issuers from the addresses that the certificates name.",
    "no",
)
AIA_NETWORKS = Setting(
    "tls_aia_networks",
    many(network),
    "",
    "Networks that are not public in which a CA's server may be asked for certificates.",
    "10.20.0.0/16",
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
HSTS = Setting(
    "hsts",
    number(0, 63_072_000),
    "0",
    "Seconds for which browsers shall refuse the server without TLS; reached in stages over five weeks, and sent only "
    "with a certificate that verifies. 0: off.",
    "31536000",
)

SETTINGS = (KEY, CERTIFICATE, PASSPHRASE, PRIVATE_CA, NAMES, AIA, AIA_NETWORKS, PROFILE, DH, HSTS)
