"""Protocols and ciphers of the chosen profile into the server: only differences are written, read back and rendered.

After Mozilla's Server Side TLS 5.7. Incoming SMTP keeps TLS 1.2 in both profiles: a sender that has nothing newer would
send in the clear. DHE suites stand beside ECDHE, so that the Diffie-Hellman parameters are used.
The mark says that an attempt ended: values that are set already may not be rendered yet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from states.tls import codes, handshake
from states.tls.settings import PROFILE
from states.zimbra import marks, restarts
from states.zimbra.directory import read_config, unless_silent
from states.zimbra.keep import kept, way_out
from states.zimbra.tools import Attributes, differences, render, write_config, zimbra_version
from zflow.api import Context, Drift, Evidence, Step, TransientError

MARK = "tls-profile.json"
SECTIONS = ("mailbox", "mta", "proxy")
"""Whose files hold the attributes; the mail store's are rendered by this name alone (zmconfigd.cf 296-333)."""


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
MAIL_STORE = "zimbraMailboxdSSLProtocols"
"""The mail store's own, for its port 7071 and for the proxy in front of it, for which it keeps TLS 1.2."""
TLS13_FROM = 10
"""Zimbra's first release line whose setup offers TLS 1.3 by the proxy; an older nginx refuses the word."""


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
        MAIL_STORE: PROFILES["intermediate"].protocols[knows],
        "zimbraReverseProxySSLProtocols": profile.protocols[knows],
        "zimbraReverseProxySSLCiphers": (":".join(profile.ciphers),),
        "zimbraMtaSmtpdTlsProtocols": (SMTP_PROTOCOLS,),
        "zimbraMtaSmtpdTlsMandatoryProtocols": (SMTP_PROTOCOLS,),
        "zimbraMtaSmtpdTlsCiphers": ("high",),
        "zimbraMtaSmtpdTlsMandatoryCiphers": ("high",),
        "zimbraMtaSmtpdTlsExcludeCiphers": (profile.excluded,),
    }


def _desired(ctx: Context) -> Attributes:
    names = kept(ctx)
    wanted = desired(ctx.settings[PROFILE], zimbra_version(ctx))
    return {name: values for name, values in wanted.items() if name not in names}


def inputs(ctx: Context) -> str:
    """Return what makes the step due: other values, another Zimbra."""
    return json.dumps({"version": zimbra_version(ctx), "desired": _desired(ctx)}, sort_keys=True) + "\n"


def probe(ctx: Context) -> Evidence | Drift | None:
    """See that exactly these values were applied on this Zimbra, and that the server still has them."""
    if not marks.agrees(ctx, MARK, inputs(ctx)):
        return None
    want = _desired(ctx)
    have = read_config(ctx, tuple(want))
    if changes := differences(want, have):
        told = (f"{name} is {' '.join(have[name]) or 'unset'}, not {' '.join(changes[name])}" for name in changes)
        return Drift(f"{'; '.join(told)}; {way_out(ctx, changes)}")
    protocols = ", ".join(desired(ctx.settings[PROFILE], zimbra_version(ctx))["zimbraReverseProxySSLProtocols"])
    return Evidence(f"{ctx.settings[PROFILE]}: {protocols} for HTTP, IMAP and POP, TLSv1.2 and later for SMTP")


def apply(ctx: Context) -> None:
    """Write what differs, read back, render. Raises TransientError(PROFILE)."""
    want = _desired(ctx)
    if changes := differences(want, read_config(ctx, tuple(want))):
        write_config(ctx, changes)
        if left := differences(want, read_config(ctx, tuple(want))):
            raise TransientError(codes.PROFILE, f"not accepted: {', '.join(sorted(left))}")
    # Also without a difference: an earlier attempt may have been interrupted between writing and this.
    render(ctx, *SECTIONS)
    restarts.reload_front(ctx)
    if any(handshake.served(handshake.STORE, version=each) for each in handshake.OLD):
        ctx.progress.report(note="restarting the mail store, which still accepts old versions of TLS")
        restarts.restart_store(ctx)
    marks.write(ctx, MARK, inputs(ctx))


STEP = Step(
    name="tls.profile",
    title="Set TLS protocols and ciphers",
    probe=unless_silent(probe),
    apply=apply,
    inputs=inputs,
    timeout=900,
    weight=25,
)
