"""TLS: the operator's pair checked, deployed and proven; protocols, ciphers and Diffie-Hellman parameters."""

from __future__ import annotations

from collections.abc import Sequence

from states.tls import hsts, lifetime, supply
from states.tls.codes import CODES
from states.tls.settings import PRIVATE_CA, SETTINGS
from zflow.api import Context, Watch


def watched_files(ctx: Context) -> Sequence[Watch]:
    """Return which files to watch: the operator's, for a renewed pair is served by itself."""
    private = ctx.settings.get(PRIVATE_CA)
    return (Watch("certificate", paths=tuple(map(str, [*supply.paths(ctx), *([private] if private else [])]))),)


def watches(ctx: Context) -> Sequence[Watch]:
    """Return what to watch: the certificate's end, and the stages of HSTS."""
    return (lifetime.watch(ctx, hsts.moments(ctx)),)


__all__ = ["CODES", "SETTINGS", "watched_files", "watches"]
