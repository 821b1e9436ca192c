"""TLS: the operator's pair checked, deployed and proven; protocols and ciphers; Diffie-Hellman parameters of 4096 bits.

The parameters come last: they are searched in the background from the first second, and nothing waits for them earlier.
"""

from __future__ import annotations

from collections.abc import Sequence

from states.tls import deployed, dh, dhdeployed, pair, profile
from states.tls.codes import CODES
from states.tls.settings import PRIVATE_CA, SETTINGS, certificate_file, key_file
from zflow.api import Context, State, Watch

STATE = State(
    "tls", "Certificate, TLS and Diffie-Hellman", (pair.STEP, deployed.STEP, profile.STEP, dh.STEP, dhdeployed.STEP)
)


def watches(ctx: Context) -> Sequence[Watch]:
    """Return what to watch: the operator's files; a renewed certificate is served without a restart by hand."""
    private = ctx.settings.get(PRIVATE_CA)
    files = [key_file(ctx), certificate_file(ctx), *([private] if private else [])]
    return (Watch("certificate", paths=tuple(map(str, files))),)


__all__ = ["CODES", "SETTINGS", "STATE", "watches"]
