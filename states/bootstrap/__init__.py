"""Bootstrap: an empty volume becomes a minimal Ubuntu, and at each start a place where programs can run."""

from states.bootstrap import (
    available,
    build,
    identity,
    mounts,
    names,
    private,
    resolver,
    restored,
    rights,
    rootfs,
    volume,
)
from states.bootstrap.codes import CODES
from states.bootstrap.settings import SETTINGS
from states.bootstrap.volume import admit
from zflow.api import State

STATE = State(
    "bootstrap",
    "Ubuntu on the volume",
    (
        rights.STEP,
        identity.STEP,
        volume.STEP,
        restored.STEP,
        private.STEP,
        build.STEP,
        rootfs.STEP,
        available.STEP,
        mounts.STEP,
        names.STEP,
        resolver.STEP,
    ),
)

__all__ = ["CODES", "SETTINGS", "STATE", "admit"]
