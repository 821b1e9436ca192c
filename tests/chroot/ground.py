"""The two layers that all cases stand on: an Ubuntu ready for the vendor's installer, and one with its software."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rehearsal.setup import SETTINGS
from rehearsal.standin.build import StandIn
from rehearsal.standin.catalogue import in_repository
from rehearsal.standin.release import Release
from tests.chroot.machine import Machine, Memory, memory
from zflow.host.files import sha256

READY, SOFTWARE = "ready", "software"
SUPPLY = """\
set -e
root=$1; shift
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs tmp "$root/tmp"
cat /etc/resolv.conf > "$root/etc/resolv.conf"
chroot "$root" apt-get update -qq
chroot "$root" apt-get install -y -qq --no-install-recommends "$@"
echo '# Nothing: the machines of these tests have no network.' > "$root/etc/apt/sources.list"
"""
"""Installs what the stand-in's packages want from Ubuntu, and takes the sources away: each `apt-get update` of a
machine without network would wait for its time limits."""


@dataclass(frozen=True)
class Ground:
    """The layers, and how a machine on top of them is set."""

    memory: Memory
    settings: Mapping[str, str]

    def machine(self, name: str, *, software: bool = True) -> Machine:
        """Return a machine that stands before the server's configuration, or before its software is installed."""
        return self.memory.machine(name, *((SOFTWARE, READY) if software else (READY,)), settings=self.settings)

    def secrets(self) -> dict[str, str]:
        """Return zflow's secrets by name, the same on all machines."""
        folder = self.memory.outside / READY / "top/files/.zflow/secrets"
        return {path.name: path.read_text().strip() for path in folder.iterdir()}


@contextmanager
def ground(rootfs: Path, release: StandIn, ubuntu: str = "18.04") -> Iterator[Ground]:
    """Lay the ground from the archive of a bootstrapped Ubuntu and a stand-in release; needs the Ubuntu archive."""
    settings = {
        **SETTINGS,
        "ZFLOW_UBUNTU": ubuntu,
        "ZFLOW_ROOTFS_ARCHIVE": str(rootfs),
        "ZFLOW_ROOTFS_SHA256": sha256(rootfs),
        "ZFLOW_RELEASE_URL": str(release.archive),
        "ZFLOW_RELEASE_SHA256": release.sha256,
        "ZFLOW_VENDOR_KEY": str(release.key),
        "ZFLOW_VENDOR_KEY_FINGERPRINT": release.fingerprint,
        "ZFLOW_PACKAGE_SOURCE": "file:/app/vendor-repo",
    }
    with memory() as held:
        ready = held.machine(READY, settings=settings)
        shutil.copytree(release.repository, ready.top / "app/vendor-repo")
        _must(ready, "install.limits")
        _supply(held, ubuntu)
        _must(ready, "install.answers")
        _must(held.machine(SOFTWARE, READY, settings=settings), "install.software")
        yield Ground(held, settings)


def _must(machine: Machine, until: str) -> None:
    assert machine.walked(until) == 0, machine.output()[-6000:]


def _supply(held: Memory, ubuntu: str) -> None:
    parts = in_repository(Release("8.8.15", ubuntu))
    names = sorted({name for part in parts for name in part.depends if not name.startswith("zimbra-")})
    command = [*held.entering(), "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", SUPPLY]
    done = subprocess.run(
        [*command, "sh", f"/mnt/{READY}/top/files", *names],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900, check=False,
        env={"PATH": os.environ["PATH"], "DEBIAN_FRONTEND": "noninteractive"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
