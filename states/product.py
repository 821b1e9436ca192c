"""The product: the states in walking order, and what the engine needs to know of them as a whole."""

from __future__ import annotations

from dataclasses import replace

from states import bootstrap, firewall, hardening, identity, install, serving, tls, updates
from zflow.api import Product

PRODUCT = Product(
    name="zimbra",
    states=(
        replace(bootstrap.STATE, steps=(firewall.OWN, firewall.CLOSED, *bootstrap.STATE.steps)),
        updates.STATE,
        install.STATE,
        firewall.STATE,
        # A wrong certificate must not leave a server unhardened whose ports are open by then.
        replace(tls.STATE, detached=True),
        hardening.STATE,
    ),
    settings=(
        *identity.SETTINGS,
        *bootstrap.SETTINGS,
        *updates.SETTINGS,
        *install.SETTINGS,
        *firewall.SETTINGS,
        *tls.SETTINGS,
        *hardening.SETTINGS,
    ),
    codes=(
        *bootstrap.CODES,
        *updates.CODES,
        *install.CODES,
        *firewall.CODES,
        *tls.CODES,
        *hardening.CODES,
    ),
    admit=bootstrap.admit,
    watches=lambda ctx: (
        *serving.watches(ctx),
        *firewall.watches(ctx),
        *tls.watches(ctx),
        *hardening.watches(ctx),
    ),
    shutdown=serving.shutdown,
)
