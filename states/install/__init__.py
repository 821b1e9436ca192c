"""Install: the vendor's software and its configuration, unattended and proven, and its services at every start."""

from states.install import (
    administrator,
    answers,
    archive,
    choices,
    dns,
    holds,
    identity,
    limits,
    memory,
    networks,
    origin,
    patches,
    preflight,
    services,
    setup,
    software,
    source,
    syslog,
    unpack,
)
from states.install.choices import accept
from states.install.codes import CODES
from zflow.api import State

STATE = State(
    "install",
    "Zimbra on the volume",
    (
        identity.STEP,
        origin.STEP,
        memory.STEP,
        choices.STEP,
        preflight.STEP,
        limits.STEP,
        dns.STEP,
        syslog.STEP,
        archive.STEP,
        unpack.STEP,  # before the package source: only the archive itself is sure to name its release
        source.STEP,
        answers.STEP,
        software.STEP,
        setup.STEP,
        holds.STEP,
        services.STEP,
        patches.STEP,  # on a running server, before the firewall opens
        administrator.STEP,
        networks.STEP,
    ),
)

__all__ = ["CODES", "STATE", "accept"]
