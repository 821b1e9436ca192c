"""TLS: the operator's pair checked, deployed and proven; protocols, ciphers and Diffie-Hellman parameters."""

from __future__ import annotations

from collections.abc import Sequence

from states.tls import hsts, lifetime
from states.tls.codes import CODES
from states.tls.read import watched_files
from states.tls.settings import SETTINGS
from zflow.api import Context, Watch


def watches(ctx: Context) -> Sequence[Watch]:
    """Return what to watch: the certificate's end, and the stages of HSTS."""
    return (lifetime.watch(ctx, hsts.moments(ctx)),)


__all__ = ["CODES", "SETTINGS", "watched_files", "watches"]
