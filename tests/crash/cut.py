"""Power cuts on a real ext4: the file system is shut down without its log, remounted, and asked what is left.

The shutdown call of ext4 and xfs with NOLOGFLUSH (fs/ext4/ext4.h) drops whatever has not reached the device, as a power
cut does; what is synced stays. Needs root, a loop device and a mount namespace of one's own.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
MEBIBYTES = 64


@contextlib.contextmanager
def device(folder: Path) -> Iterator[Path]:
    """Make an ext4 in a file below a folder; give it mounted, and unmount it in the end."""
    image, volume = folder / "image", folder / "volume"
    with image.open("wb") as file:
        file.truncate(MEBIBYTES << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    volume.mkdir()
    mount(image, volume)
    try:
        yield volume
    finally:
        subprocess.run(["umount", "--lazy", str(volume)], check=True)


def mount(image: Path, volume: Path) -> None:
    """Mount the image; its loop device goes when it is unmounted."""
    subprocess.run(["mount", "-o", "loop", str(image), str(volume)], check=True)


def cut(volume: Path) -> None:
    """Cut the power of the file system: every write from here on fails, and what was not synced is gone."""
    descriptor = os.open(volume, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
    finally:
        os.close(descriptor)


def power_up(volume: Path) -> None:
    """Mount again what was cut off, as after a reboot."""
    subprocess.run(["umount", str(volume)], check=True)
    mount(volume.parent / "image", volume)


def apart(module: str, *argv: str) -> Any:
    """Run a module in a mount namespace of its own, so that nothing stays mounted; return the JSON that it prints.

    Raises AssertionError when it prints nothing.
    """
    command = ["unshare", "--mount", sys.executable, "-m", module, *argv]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True, check=False)
    assert done.stdout, f"{module} ended with {done.returncode}, see above"
    return json.loads(done.stdout)
