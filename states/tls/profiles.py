"""Protocols and ciphers by name, as the attributes of Zimbra's that stand for them. Data and one function.

After Mozilla's Server Side TLS 5.7. Incoming SMTP keeps TLS 1.2 in both profiles: who cannot do better would send in
the clear. DHE suites stand beside ECDHE, so that the Diffie-Hellman parameters are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from states.zimbra.tools import Attributes

STRONG = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "DHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-CHACHA20-POLY1305",
)
COMMON = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256")
OLDER = ("DHE-RSA-AES128-GCM-SHA256",)
SMTP_PROTOCOLS = "!SSLv2, !SSLv3, !TLSv1, !TLSv1.1"
BROKEN = "aNULL, eNULL, EXPORT, LOW, DES, 3DES, RC4, MD5, PSK, SRP, DSS, aECDH, SEED, IDEA"
NO_SECRECY = "kRSA, kDH, kECDH"
"""Key exchanges that reveal the past once the key is known."""
STORE = "zimbraMailboxdSSLProtocols"
"""The mail store's own, for its port 7071 and for the proxy behind which it stands; that is why it keeps TLS 1.2."""
TLS13_FROM = 10
"""Zimbra's first release line whose own setup offers TLS 1.3 by the proxy; older nginx refuse the word."""


@dataclass(frozen=True)
class Profile:
    """A named choice. `protocols` by whether the release knows TLS 1.3."""

    ciphers: tuple[str, ...]
    protocols: Mapping[bool, tuple[str, ...]]
    excluded: str


PROFILES = {
    "intermediate": Profile(COMMON + STRONG + OLDER, {False: ("TLSv1.2",), True: ("TLSv1.2", "TLSv1.3")}, BROKEN),
    "modern": Profile(STRONG, {False: ("TLSv1.2",), True: ("TLSv1.3",)}, f"{BROKEN}, {NO_SECRECY}"),
}


def desired(name: str, version: str) -> Attributes:
    """Return the attributes of a profile for a version of Zimbra such as 8.8.15.GA.3869 or 10.1.4."""
    profile = PROFILES[name]
    major = version.partition(".")[0]
    knows = major.isdecimal() and int(major) >= TLS13_FROM
    return {
        STORE: PROFILES["intermediate"].protocols[knows],
        "zimbraReverseProxySSLProtocols": profile.protocols[knows],
        "zimbraReverseProxySSLCiphers": (":".join(profile.ciphers),),
        "zimbraMtaSmtpdTlsProtocols": (SMTP_PROTOCOLS,),
        "zimbraMtaSmtpdTlsMandatoryProtocols": (SMTP_PROTOCOLS,),
        "zimbraMtaSmtpdTlsCiphers": ("high",),
        "zimbraMtaSmtpdTlsMandatoryCiphers": ("high",),
        "zimbraMtaSmtpdTlsExcludeCiphers": (profile.excluded,),
    }
