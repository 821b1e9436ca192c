"""Podman without root: a user made for the occasion, with a range of ids, and a folder for what the engine keeps."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rehearsal.commands import run
from rehearsal.engine import PODMAN, RUNTIME, Engine
from rehearsal.spaces import Client, free_network, host

PREFIX = "zflow-rootless-"
SETUP = """\
mount --make-rshared /
mount -t tmpfs -o mode=0755 tmpfs /mnt
install -d -m 0700 -o {name} /mnt/run
mknod -m 0666 /mnt/tun c 10 200
mount --bind /mnt/tun /dev/net/tun
echo 25 > /proc/sys/net/ipv4/ip_unprivileged_port_start
"""
"""A shared root and a folder for what runs, as systemd makes them; the device of slirp4netns for everybody, as udev
makes it; and what the docs say of ports below 1024."""
WAITING = "sh -c 'sleep infinity & wait'"
"""Waits for what ends inside, as an init does."""


@dataclass(frozen=True)
class Rootless:
    """A user's engine: `before` a command line runs it as that user, who owns `home`."""

    engine: Engine
    before: tuple[str, ...]
    home: Path
    neighbour: Client
    """This machine, as a client of what is published there."""
    here: tuple[str, ...]
    """The command line before a program on the engine's own host."""


@contextlib.contextmanager
def rootless() -> Iterator[Rootless]:
    """Make a user with an engine; user, processes and files go when the block ends. Raises Failed."""
    remove_users()
    name = f"{PREFIX}{os.getpid()}"
    home = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        run("useradd", "--home-dir", str(home), "--no-create-home", "--shell", "/bin/sh", name)
        shutil.chown(home, name, name)
        with host(SETUP.format(name=name), free_network()) as (held, neighbour):
            held.begin(WAITING)
            own = (f"HOME={home}", "XDG_RUNTIME_DIR=/mnt/run", f"TMPDIR={home}")
            user = ("runuser", "--user", name, "--", "env", "--chdir", str(home), *own)
            before = (*held.entering("mount", "pid", "net"), *user)
            command = (*before, "podman", "--cgroup-manager", "cgroupfs", "--storage-driver", "overlay")
            engine = Engine("podman", command, RUNTIME, PODMAN.volume_options, PODMAN.removal)
            yield Rootless(engine, before, home, neighbour, held.entering("net"))
    finally:
        shutil.rmtree(home)
        remove_users(os.getpid())


def remove_users(own: int = 0) -> None:
    """Remove the users, and what they kept, of processes that have ended, and of one."""
    for entry in pwd.getpwall():
        if not entry.pw_name.startswith(PREFIX):
            continue
        process = int(entry.pw_name.removeprefix(PREFIX))
        if process == own or not Path(f"/proc/{process}").exists():
            run("userdel", entry.pw_name)
            shutil.rmtree(entry.pw_dir, ignore_errors=True)
