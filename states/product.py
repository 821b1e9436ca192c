"""The product: the states in walking order, and what the engine needs to know of them as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from states import bootstrap, firewall, hardening, install, server, serving, tls, updates, upgrade
from states.zimbra import order
from states.zimbra.codes import CODES
from states.zimbra.settings import SETTINGS
from zflow.api import Context, Product, Step, Watch


def _before(name: str, inserted: tuple[Step, ...], steps: tuple[Step, ...]) -> tuple[Step, ...]:
    at = [each.name for each in steps].index(name)
    return (*steps[:at], *inserted, *steps[at:])


def _watched_files(ctx: Context) -> Sequence[Watch]:
    """Return which files to watch; none while an upgrade is under way: it is not to be disturbed."""
    return () if order.under_way(ctx) is not None else (*serving.watched_files(ctx), *tls.watched_files(ctx))


def _watches(ctx: Context) -> Sequence[Watch]:
    """Return what to ask; nothing while an upgrade is under way, for then much is down that should be."""
    if order.under_way(ctx) is not None:
        return ()
    return (*serving.watches(ctx), *firewall.watches(ctx), *tls.watches(ctx), *hardening.watches(ctx))


INSTALL = _before("install.services", (tls.MEND,), _before("install.holds", upgrade.CARRIED_OUT, install.STATE.steps))
"""An upgrade under way is carried out before anything is started. Files of two pairs, left by a cut-off exchange, are
made whole before services start on them."""

PRODUCT = Product(
    name="zimbra",
    states=(
        replace(bootstrap.STATE, steps=(firewall.OWN, firewall.CLOSED, *bootstrap.STATE.steps)),
        updates.STATE,
        replace(install.STATE, steps=INSTALL),
        firewall.STATE,
        # A wrong certificate must not leave a server unhardened whose ports are open by then.
        replace(tls.STATE, detached=True),
        # The parameters of Diffie-Hellman may be searched for an hour: nothing shall wait for them but the end.
        replace(hardening.STATE, steps=(*hardening.STATE.steps, *tls.LAST)),
        # While an upgrade is prepared, a server serves that was just found whole.
        upgrade.STATE,
    ),
    settings=(
        *server.SETTINGS,
        *bootstrap.SETTINGS,
        *updates.SETTINGS,
        *SETTINGS,
        *firewall.SETTINGS,
        *tls.SETTINGS,
        *hardening.SETTINGS,
    ),
    codes=(
        *bootstrap.CODES,
        *updates.CODES,
        *CODES,
        *install.CODES,
        *firewall.CODES,
        *tls.CODES,
        *hardening.CODES,
        *upgrade.CODES,
    ),
    admit=bootstrap.admit,
    accept=install.accept,
    serves=("install.services", "firewall.open"),
    turns=tuple(step.name for step in (*upgrade.STATE.steps, *upgrade.CARRIED_OUT)),
    shields=(firewall.CLOSED.name,),
    watched_files=_watched_files,
    watches=_watches,
    shutdown=serving.shutdown,
    doctor=firewall.listeners,
    collects={"nft.txt": ("nft", "list", "ruleset")},
)
