"""Where the benchmarks work: one folder, and containers of one label, gone at the end, however that comes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from rehearsal.engine import LABEL, podman

FOLDER = Path("/var/tmp/zflow-bench")
"""On a disk, not in memory: syncs are measured there."""
LABELLED = "bench"


class Place:
    """A folder to work in; `new` makes one below it for a subject."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = 0

    def new(self, name: str) -> Path:
        """Return an empty folder."""
        self._made += 1
        folder = self.folder / f"{name}-{self._made}"
        folder.mkdir()
        return folder


@contextlib.contextmanager
def place() -> Iterator[Place]:
    """Make the place and remove it, with all containers, also when this process is killed.

    Raises BlockingIOError while other benchmarks run: they would measure each other.
    """
    with FOLDER.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove()
        FOLDER.mkdir(mode=0o700)
        mourner = _mourner()
        try:
            yield Place(FOLDER)
        finally:
            os.close(mourner)
            os.wait()


def remove() -> None:
    """Remove the folder, and the containers, volumes and images of the label."""
    if shutil.which("podman"):
        for kind, option in (("container", "-aq"), ("volume", "-q"), ("image", "-q")):
            for name in podman(kind, "ls", option, "--filter", f"label={LABEL}={LABELLED}").stdout.split():
                podman(kind, "rm", "-f", name, check=False)
    shutil.rmtree(FOLDER, ignore_errors=True)


def _mourner() -> int:
    """Fork the process that removes everything once this one is gone; it goes when the descriptor is closed."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.close(writer)
        os.read(reader, 1)
        try:
            remove()
        finally:
            os._exit(0)
    os.close(reader)
    return writer
