"""The Diffie-Hellman parameters into the server: stored by the vendor's tool, written by zmconfigd, read by the front.

By `zmdhparam set -in`: its `-new` fails in 8.8.15 with openssl of today, and would make the walk wait for the search.
"""

from __future__ import annotations

import time

from states.kept import kept, way_out
from states.tls import codes, dh, group, server
from states.zimbra import as_zimbra, zimbra_version
from zflow.api import Context, Drift, Evidence, Step, TransientError

ATTRIBUTE = "zimbraSSLDHParam"
"""Where zmdhparam stores them; zm-core-utils, src/bin/zmdhparam."""
PLACE = "/opt/zimbra/data/zflow-dhparam.pem"
RENDERED = f"{server.CONF}/dhparam.pem"
PATIENCE = 90.0
"""Seconds; zmconfigd looks once a minute."""


def _ours(ctx: Context) -> str:
    try:
        return dh.file(ctx).read_text()
    except OSError:
        return ""


def inputs(ctx: Context) -> str:
    """Return what makes the step due: other parameters, another Zimbra."""
    return f"{group.body(_ours(ctx))}\n{zimbra_version(ctx)}"


def probe(ctx: Context) -> Evidence | Drift | None:
    """See our parameters in the file that the servers read."""
    if ATTRIBUTE in kept(ctx):
        return Evidence(f"{ATTRIBUTE} is left as it is")
    ours = group.body(_ours(ctx))
    if not ours:
        return None
    if group.body(server.text(ctx, RENDERED)) != ours:
        return Drift(f"{RENDERED} holds other parameters than zflow's; {way_out(ctx, (ATTRIBUTE,))}")
    return Evidence(f"{RENDERED} holds our {group.BITS} bits")


def apply(ctx: Context) -> None:
    """Store, wait until rendered, restart what reads them. Raises TransientError(DH_NOT_TAKEN)."""
    server.put(ctx, PLACE, _ours(ctx))
    as_zimbra(ctx, "zmdhparam", "set", "-in", PLACE, timeout=180)
    server.drop(ctx, PLACE)
    server.rewrite_configuration(ctx)
    deadline = time.monotonic() + PATIENCE
    while not isinstance(probe(ctx), Evidence):
        if time.monotonic() > deadline:
            raise TransientError(codes.DH_NOT_TAKEN, f"{RENDERED} holds other parameters after {PATIENCE:.0f} s")
        ctx.pause(2)
    server.reload_front(ctx)


STEP = Step(
    name="hardening.dh_deployed",
    title="Use the Diffie-Hellman parameters",
    probe=probe,
    apply=apply,
    inputs=inputs,
    timeout=900,
    weight=20,
)
