"""A first start with the stand-in release: what a container is given so that it needs no vendor and no account."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from rehearsal.machine import Machine, owner
from rehearsal.standin.build import StandIn, build

SETTINGS = {
    "ZFLOW_DH": "ffdhe4096",
    "ZFLOW_MINIMUM_DISK_GIB": "1",
    "ZFLOW_MINIMUM_MEMORY_GIB": "1",
}
"""A rehearsal takes RFC 7919's group instead of searching its own for minutes, and a small volume will do."""


def stand_in(folder: Path, ubuntu: str = "18.04", **behaviour: str) -> StandIn:
    """Build the stand-in release for a container into `folder`."""
    return build(folder, ubuntu=ubuntu, behaviour=behaviour)


def machine(
    name: str,
    release: StandIn,
    settings: Mapping[str, str] | None = None,
    *,
    label: str | None = None,
    ubuntu: str = "18.04",
) -> Machine:
    """Return a container that would install the stand-in release onto a volume of its own name.

    Without a label it is this process's: it bears its number too, for others may run the same test beside it.
    """
    environment = {
        **SETTINGS,
        "ZFLOW_UBUNTU": ubuntu,
        "ZFLOW_RELEASE_URL": f"/release/{release.archive.name}",
        "ZFLOW_RELEASE_SHA256": release.sha256,
        "ZFLOW_VENDOR_KEY": f"/release/{release.key.name}",
        "ZFLOW_VENDOR_KEY_FINGERPRINT": release.fingerprint,
        "ZFLOW_PACKAGE_SOURCE": "file:/app/vendor-repo",
        **(settings or {}),
    }
    mounts = (f"{release.archive.parent}:/release:ro", f"{release.repository}:/data/app/vendor-repo:ro")
    if label is None:
        return Machine(f"{name}-{os.getpid()}", environment, mounts, label=owner())
    return Machine(name, environment, mounts, label=label)
