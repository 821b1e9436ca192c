"""The operator's settings for TLS: the pair, roots to trust besides the public ones, profile, DH group, HSTS."""

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
    "The server's certificate and its issuers in any order: PEM, DER, PKCS#7 or PKCS#12. Key and certificate may be in "
    "one file. Not set: app/tls/zimbra.crt on the volume.",
    "/data/app/tls/zimbra.crt",
)
PASSPHRASE = Setting(
    "tls_passphrase",
    lambda value: Secret(text(value)),
    None,
    "The passphrase of an encrypted key or PKCS#12; better in a file named by ZFLOW_TLS_PASSPHRASE_FILE.",
    "correct horse battery staple",
)
PRIVATE_CA = Setting(
    "tls_private_ca",
    absolute_path,
    None,
    "The root of your own CA, with or without its intermediates (PEM, DER or PKCS#7), trusted for the server's "
    "certificate besides the public roots.",
    "/data/app/tls/ca.crt",
)
NAMES = Setting(
    "tls_names",
    many(host_name),
    "",
    "Further names that the certificate must cover, besides the server's own. Where the proxy answers only names on a "
    "list (zimbraReverseProxyStrictServerNameEnabled), zflow adds them to it.",
    "imap.example.org, autodiscover.example.org",
)
AIA = Setting(
    "tls_aia",
    flag,
    "yes",
    "Fetch missing certificates of issuers from the URLs that the certificates name.",
    "no",
)
AIA_NETWORKS = Setting(
    "tls_aia_networks",
    many(network),
    "",
    "Private networks in which zflow may ask a CA's server for certificates.",
    "10.20.0.0/16",
)
PROFILE = Setting(
    "tls_profile",
    choice("intermediate", "modern"),
    "intermediate",
    "Protocols and ciphers: intermediate (TLS 1.2 and later), or modern (for web, IMAP and POP only TLS 1.3 where the "
    "release supports it, else fewer ciphers).",
    "modern",
)
DH = Setting(
    "dh",
    choice("generate", "ffdhe4096"),
    "generate",
    "4096-bit Diffie-Hellman parameters: generate your own in the background (minutes to an hour), or use the public "
    "group ffdhe4096 of RFC 7919 immediately.",
    "ffdhe4096",
)
HSTS = Setting(
    "hsts",
    number(0, 63_072_000),
    "0",
    "Seconds for which browsers refuse this server without TLS. zflow reaches the value in stages over five weeks, and "
    "sends it only with a certificate that verifies. 0: off.",
    "31536000",
)

SETTINGS = (KEY, CERTIFICATE, PASSPHRASE, PRIVATE_CA, NAMES, AIA, AIA_NETWORKS, PROFILE, DH, HSTS)
