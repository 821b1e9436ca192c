"""The product: every step in walking order, and what the engine needs to know of them as a whole.

A step is named after its file: `install.setup` is `STEP` of states/install/setup.py. One that stands among the steps of
another state says here why.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from states import bootstrap, firewall, hardening, install, server, serving, tls, updates, upgrade
from states.zimbra import codes, order, settings
from zflow.api import Context, Product, State, Step, Watch


def _steps(*names: str) -> tuple[Step, ...]:
    return tuple(import_module(f"states.{name}").STEP for name in names)


STATES = (
    State(
        "bootstrap",
        "Ubuntu on the volume",
        _steps(
            # Before anything else: until the ports are opened, nothing outside reaches this container.
            "firewall.network",
            "firewall.closed",
            "bootstrap.rights",
            "bootstrap.identity",
            "bootstrap.volume",
            "bootstrap.restored",
            "bootstrap.private",
            "bootstrap.build",
            "bootstrap.rootfs",
            "bootstrap.available",
            "bootstrap.mounts",
            "bootstrap.names",
            "bootstrap.resolver",
        ),
    ),
    State("updates", "Daily updates of Ubuntu", _steps("updates.packages", "updates.configured", "updates.driver")),
    State(
        "install",
        "Zimbra on the volume",
        _steps(
            "install.identity",
            "install.origin",
            "install.memory",
            "install.choices",
            "install.preflight",
            "install.limits",
            "install.dns",
            "install.syslog",
            "install.archive",
            "install.unpack",  # before the package source: only the archive itself is sure to name its release
            "install.source",
            "install.answers",
            "install.software",
            "install.setup",
            # An upgrade under way comes before the services: a server that is half upgraded must not be started.
            "upgrade.software",
            "upgrade.setup",
            "install.holds",
            "tls.mend",  # no service may start on the files of two pairs, which an interrupted exchange leaves
            "install.services",
            "install.patches",  # on a running server, before the firewall opens
            "install.administrator",
            "install.networks",
        ),
    ),
    State("firewall", "Firewall", _steps("firewall.open")),
    State(
        "tls",
        "Certificate and TLS",
        # The certificate's expiry is reported first: a pair that is refused stops the rest.
        _steps("tls.lifetime", "tls.profile", "tls.names", "tls.pair", "tls.deployed", "tls.hsts"),
        detached=True,  # a wrong certificate must not leave a server unhardened whose ports are open by then
    ),
    State(
        "hardening",
        "Hardening of the server",
        _steps(
            "hardening.watcher",
            "hardening.values",
            "hardening.senders",
            "hardening.watching",
            "hardening.dkim",
            # Last: a search for Diffie-Hellman parameters may take an hour, and nothing else waits for it.
            "tls.dh",
            "tls.dh_deployed",
        ),
    ),
    # After all others: an upgrade is prepared on a server that serves and was just checked.
    State(
        "upgrade",
        "Upgrade to a newer release",
        _steps("upgrade.archive", "upgrade.unpack", "upgrade.packages", "upgrade.checks"),
    ),
)


def _watched_files(ctx: Context) -> Sequence[Watch]:
    """Return which files to watch; none while an upgrade is under way, which must not be disturbed."""
    return () if order.under_way(ctx) is not None else (*serving.watched_files(ctx), *tls.watched_files(ctx))


def _watches(ctx: Context) -> Sequence[Watch]:
    """Return what to ask; nothing while an upgrade is under way, for then services are down on purpose."""
    if order.under_way(ctx) is not None:
        return ()
    return (*serving.watches(ctx), *firewall.watches(ctx), *tls.watches(ctx), *hardening.watches(ctx))


FORMER_TURNS = ("install.newer_software", "install.newer_setup")
"""Earlier names of two steps of an upgrade: older journals keep the walks in which one was done."""

PRODUCT = Product(
    name="zimbra",
    states=STATES,
    settings=(
        *server.SETTINGS,
        *bootstrap.SETTINGS,
        *updates.SETTINGS,
        *settings.SETTINGS,
        *firewall.SETTINGS,
        *tls.SETTINGS,
        *hardening.SETTINGS,
    ),
    codes=(
        *bootstrap.CODES,
        *updates.CODES,
        *codes.CODES,
        *install.CODES,
        *firewall.CODES,
        *tls.CODES,
        *hardening.CODES,
        *upgrade.CODES,
    ),
    admit=bootstrap.admit,
    accept=install.accept,
    serves=("install.services", "firewall.open"),
    turns=(*(step.name for state in STATES for step in state.steps if step.name.startswith("upgrade.")), *FORMER_TURNS),
    shields=("firewall.closed",),
    outside="To allow access from outside, open the port with firewall_extra_tcp, limit it with firewall_sources, and "
    "open it during the first start with firewall_early_tcp.",
    watched_files=_watched_files,
    watches=_watches,
    shutdown=serving.shutdown,
    doctor=firewall.listeners,
    collects={"nft.txt": ("nft", "list", "ruleset")},
)
