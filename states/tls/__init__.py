"""TLS: the operator's pair checked, deployed and proven; protocols and ciphers; Diffie-Hellman parameters of 4096 bits.

The parameters are searched in the background from the first second; their steps come last of the whole walk (`LAST`),
so that nothing else waits for them. `MEND` belongs just before the services are started.
"""

from __future__ import annotations

from collections.abc import Sequence

from states.tls import deployed, dh, dhdeployed, hsts, lifetime, mend, pair, profile, supply
from states.tls.codes import CODES
from states.tls.settings import PRIVATE_CA, SETTINGS
from zflow.api import Context, State, Watch

STATE = State(
    "tls",
    "Certificate and TLS",
    (profile.STEP, lifetime.STEP, pair.STEP, deployed.STEP, hsts.STEP),
)
LAST = (dh.STEP, dhdeployed.STEP)
MEND = mend.STEP


def watches(ctx: Context) -> Sequence[Watch]:
    """Return what to watch: the operator's files, for a renewed pair is served by itself; and the certificate's end."""
    private = ctx.settings.get(PRIVATE_CA)
    files = [*supply.paths(ctx), *([private] if private else [])]
    return (Watch("certificate", paths=tuple(map(str, files))), lifetime.watch(ctx, hsts.moments(ctx)))


__all__ = ["CODES", "LAST", "MEND", "SETTINGS", "STATE", "watches"]
