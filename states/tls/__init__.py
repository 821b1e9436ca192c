"""TLS: the operator's pair checked, deployed and proven; protocols and ciphers; Diffie-Hellman parameters of 4096 bits.

The parameters are searched in the background from the first second; their steps come last of the whole walk (`LAST`),
so that nothing else waits for them. `MEND` belongs just before the services are started. The certificate's end is told
first, for a pair that is refused stops the rest; the next pass tells a new one's.
"""

from __future__ import annotations

from collections.abc import Sequence

from states.tls import deployed, dh, dh_deployed, hsts, lifetime, mend, names, pair, profile, supply
from states.tls.codes import CODES
from states.tls.settings import PRIVATE_CA, SETTINGS
from zflow.api import Context, State, Watch

STATE = State(
    "tls",
    "Certificate and TLS",
    (lifetime.STEP, profile.STEP, names.STEP, pair.STEP, deployed.STEP, hsts.STEP),
)
LAST = (dh.STEP, dh_deployed.STEP)
MEND = mend.STEP


def watched_files(ctx: Context) -> Sequence[Watch]:
    """Return which files to watch: the operator's, for a renewed pair is served by itself."""
    private = ctx.settings.get(PRIVATE_CA)
    return (Watch("certificate", paths=tuple(map(str, [*supply.paths(ctx), *([private] if private else [])]))),)


def watches(ctx: Context) -> Sequence[Watch]:
    """Return what to watch: the certificate's end, and the stages of HSTS."""
    return (lifetime.watch(ctx, hsts.moments(ctx)),)


__all__ = ["CODES", "LAST", "MEND", "SETTINGS", "STATE", "watched_files", "watches"]
