"""The product: the states in walking order, and what the engine needs to know of them as a whole."""

from __future__ import annotations

from dataclasses import replace

from states import bootstrap, firewall, hardening, identity, install, serving, tls, updates
from zflow.api import Product, Step


def _before(name: str, step: Step, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    at = [each.name for each in steps].index(name)
    return (*steps[:at], step, *steps[at:])


PRODUCT = Product(
    name="zimbra",
    states=(
        replace(bootstrap.STATE, steps=(firewall.OWN, firewall.CLOSED, *bootstrap.STATE.steps)),
        updates.STATE,
        # Files of two pairs, left by a cut-off exchange, are made whole before services start on them.
        replace(install.STATE, steps=_before("install.services", tls.MEND, install.STATE.steps)),
        firewall.STATE,
        # A wrong certificate must not leave a server unhardened whose ports are open by then.
        replace(tls.STATE, detached=True),
        # The parameters of Diffie-Hellman may be searched for an hour: nothing shall wait for them but the end.
        replace(hardening.STATE, steps=(*hardening.STATE.steps, *tls.LAST)),
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
