"""A Docker Engine for one user: in namespaces of its own, so that it neither sees nor changes anything of this host.

Its bridge and its rules of iptables are those of a network namespace, its mounts those of a mount namespace, and all
its processes are in a process namespace whose first one is dockerd: when whoever asked for it ends, by whatever
signal, the kernel ends every process of the engine and of its containers, and takes mounts, bridge and rules away.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rehearsal.commands import Failed
from rehearsal.engine import LIMITS, Engine
from rehearsal.spaces import Client, Spaces, free_network, host

SETUP = """\
mount -t tmpfs -o mode=0755 tmpfs /run
echo 1 > /proc/sys/net/ipv4/ip_forward
"""
"""Forwarding is on before dockerd looks: else it drops what comes over the cable to a container, and no test would see
whether zflow does."""
CGROUPS = Path("/sys/fs/cgroup")
PREFIX = "zflow-dockerd-"
PATIENCE = 60.0


@dataclass(frozen=True)
class Dockerd:
    """A running engine: how it is talked to, and where it lives."""

    engine: Engine
    socket: str
    spaces: Spaces
    neighbour: Client
    """This machine, as a client of what is published there."""


@contextlib.contextmanager
def dockerd(folder: Path) -> Iterator[Dockerd]:
    """Run an engine with all it keeps below `folder`; both go when the block ends. Raises Failed."""
    remove_cgroups()
    net, socket = free_network(), f"unix://{folder}/socket"
    argv = [
        "dockerd", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid",
        "--host", socket, "--cgroup-parent", f"/{PREFIX}{os.getpid()}",
        "--bip", f"10.{net}.0.1/24", "--default-address-pool", f"base=10.{net}.128.0/18,size=24",
    ]  # fmt: skip
    folder.mkdir(parents=True)
    try:
        with host(SETUP, net) as (held, neighbour):
            held.begin(f"{shlex.join(argv)} > {folder}/log 2>&1")
            found = Dockerd(Engine("docker", ("docker", "--host", socket), LIMITS), socket, held, neighbour)
            wait_answering(found, folder / "log")
            yield found
    finally:
        shutil.rmtree(folder)
        remove_cgroups()


def wait_answering(found: Dockerd, log: Path) -> None:
    """Wait until the engine answers. Raises Failed with its own last line."""
    deadline = time.monotonic() + PATIENCE
    while found.engine.run("version", check=False).returncode != 0:
        if found.spaces.process.poll() is not None or time.monotonic() > deadline:
            raise Failed(f"dockerd does not answer: {(log.read_text().splitlines() or ['it said nothing'])[-1]}")
        time.sleep(0.2)


def remove_cgroups() -> None:
    """Remove the empty control groups of engines that have ended; a living one's cannot be removed."""
    for group in [*CGROUPS.glob(f"{PREFIX}*"), *CGROUPS.glob(f"*/{PREFIX}*")]:
        for path in [*sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True), group]:
            with contextlib.suppress(OSError):
                path.rmdir()
