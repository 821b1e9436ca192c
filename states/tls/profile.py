"""Protocols and ciphers of the chosen profile into the server: only what differs, read back, then rendered.

Reading the server's configuration starts a Java machine: the cheap probe looks at a witness written after reading back,
`zflow verify` reads the configuration itself.
"""

from __future__ import annotations

import json

from states import witness
from states.tls import codes, handshake, server
from states.tls.profiles import desired
from states.tls.settings import PROFILE
from states.zimbra import Attributes, differences, read_config, write_config, zimbra_version
from zflow.api import Context, Evidence, Step, TransientError

WITNESS = "tls-profile.json"


def _desired(ctx: Context) -> Attributes:
    return desired(ctx.settings[PROFILE], zimbra_version(ctx))


def inputs(ctx: Context) -> str:
    """Return what makes the step due: other values, another Zimbra."""
    return json.dumps({"version": zimbra_version(ctx), "desired": _desired(ctx)}, sort_keys=True) + "\n"


def probe(ctx: Context) -> Evidence | None:
    """See the witness of exactly these values on this Zimbra."""
    return _evidence(ctx) if witness.agrees(ctx, WITNESS, inputs(ctx)) else None


def audit(ctx: Context) -> Evidence | None:
    """See the values in the server's configuration."""
    want = _desired(ctx)
    return None if differences(want, read_config(ctx, tuple(want))) else _evidence(ctx)


def _evidence(ctx: Context) -> Evidence:
    protocols = ", ".join(_desired(ctx)["zimbraReverseProxySSLProtocols"])
    return Evidence(f"{ctx.settings[PROFILE]}: {protocols} for HTTP, IMAP and POP, TLSv1.2 and later for SMTP")


def apply(ctx: Context) -> None:
    """Write what differs, read back, render. Raises TransientError(PROFILE)."""
    want = _desired(ctx)
    if changes := differences(want, read_config(ctx, tuple(want))):
        write_config(ctx, changes)
        if left := differences(want, read_config(ctx, tuple(want))):
            raise TransientError(codes.PROFILE, f"not taken: {', '.join(sorted(left))}")
    # Also without a difference: an earlier attempt may have been cut off between writing and this.
    server.rewrite_configuration(ctx)
    server.reload_front(ctx)
    if any(handshake.served(handshake.STORE, version=each) for each in handshake.OLD):
        ctx.progress.report(note="restarting the mail store, which still speaks old versions of TLS")
        server.restart_store(ctx)
    witness.attest(ctx, WITNESS, inputs(ctx))


STEP = Step(
    name="tls.profile",
    title="Set TLS protocols and ciphers",
    probe=probe,
    audit=audit,
    apply=apply,
    inputs=inputs,
    timeout=900,
    weight=25,
)
