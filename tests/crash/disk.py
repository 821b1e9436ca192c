"""File systems in files, of which the kernel keeps what lies on their device at one moment: what a power cut leaves.

The file below such a file system lies itself on an XFS that shares blocks, so that the kernel clones it whole and at
once while it is written to (FICLONE, ioctl_ficlonerange(2)): no write to it is under way then. What programs wrote and
the file system has not yet given to its device is missing in the clone; a device that loses what it was given, and was
not yet told to make durable, is not tried. All of it is in memory.
"""

from __future__ import annotations

import fcntl
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.chroot.machine import Machine, Memory

CLONE = 0x40049409
"""FICLONE of linux/fs.h."""
FORMATS = {
    "ext4": ("mkfs.ext4", "-q", "-F"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
    "btrfs": ("mkfs.btrfs", "-q", "-f"),
}
"""By file system: what makes it."""
VOLUME, POOL = 8 << 30, 64 << 30
"""Bytes of a volume and of what all clones share; only what is written takes memory."""
PATIENCE = 30.0
"""Seconds that a file system may take to go after it was unmounted: killed processes had it in namespaces of theirs."""


@dataclass(frozen=True)
class Pool:
    """Where the files lie, in a machine's memory."""

    memory: Memory

    def make(self) -> None:
        """Make the file system that shares blocks. Raises CalledProcessError."""
        _sized(self.memory.outside / "pool.xfs", POOL)
        (self.memory.outside / "pool").mkdir()
        self._run("mkfs.xfs", "-q", "-m", "reflink=1", "/mnt/pool.xfs")
        self._run("mount", "-o", "loop", "/mnt/pool.xfs", "/mnt/pool")

    def path(self, name: str) -> Path:
        """Return where a file lies, as seen from outside."""
        return self.memory.outside / "pool" / name

    def formatted(self, name: str, kind: str) -> None:
        """Make a volume's file with an empty file system in it. Raises CalledProcessError."""
        _sized(self.path(name), VOLUME)
        self._run(*FORMATS[kind], f"/mnt/pool/{name}")

    def clone(self, name: str, copy: str) -> None:
        """Keep what lies in a file now."""
        with self.path(name).open("rb") as source, self.path(copy).open("wb") as target:
            fcntl.ioctl(target, CLONE, source.fileno())

    def kept(self, name: str, kind: str) -> Path:
        """Copy a file out of the memory, for a closer look at it; return where it is then."""
        folder = Path(tempfile.mkdtemp(prefix=f"zflow-{kind}-"))
        subprocess.run(["cp", "--sparse=always", self.path(name), folder], check=True)
        return folder / name

    def remove(self, name: str) -> None:
        """Give a file's memory back."""
        self.path(name).unlink(missing_ok=True)

    def mount(self, name: str, machine: Machine) -> Path:
        """Mount a file as a machine's volume, as after a power cut; return where it is within the memory's mounts.

        Raises CalledProcessError when the file system cannot be mounted.
        """
        self._run("mount", "-o", "loop", f"/mnt/pool/{name}", f"/mnt/{machine.name}/volume")
        return Path("/mnt", machine.name, "volume")

    def unmount(self, name: str, machine: Machine) -> None:
        """Unmount it; return when the kernel has let go of it, for it mounts no two copies of a file system at once."""
        self._run("umount", f"/mnt/{machine.name}/volume")
        until = time.monotonic() + PATIENCE
        while self._run("losetup", "--noheadings", "--associated", f"/mnt/pool/{name}"):
            assert time.monotonic() < until, f"{name} is still mounted"
            time.sleep(0.05)
        # Else it takes a copy of an earlier moment for an old part of the file system that it has just seen.
        self._run("btrfs", "device", "scan", "--forget")

    def _run(self, *argv: str) -> str:
        return subprocess.run([*self.memory.entering(), *argv], stdout=subprocess.PIPE, text=True, check=True).stdout


def _sized(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)
