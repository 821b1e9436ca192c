"""Namespaces that end with whoever asked for them, by whatever signal that happens, and all that lives in them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rehearsal.commands import Failed, run

OWN = ("--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
MORTAL = ("setpriv", "--pdeathsig", "KILL")
"""Before a command line: its process is killed when the one that started it ends."""
BEGIN = """\
echo ready
read -r command
eval "exec $command"
"""
PATIENCE = 60.0


@dataclass(frozen=True)
class Spaces:
    """Mount and process namespaces, and a network's where it was asked for; they wait for their first command."""

    process: subprocess.Popen[str]

    @property
    def first(self) -> int:
        """Return the process that all others inside end with."""
        (child,) = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(child)

    def entering(self, *kinds: str) -> tuple[str, ...]:
        """Return the command line before that of a program which is to run in these kinds of namespaces."""
        return ("nsenter", "--target", str(self.first), *(f"--{kind}" for kind in kinds))

    def begin(self, command: str) -> None:
        """Let the first process become this command of a shell's."""
        print(command, file=self.process.stdin, flush=True)


@dataclass(frozen=True)
class Client:
    """A machine beside another: the command line before a program of its, its address, and the other's for it."""

    before: tuple[str, ...]
    address: str
    here: str


@contextlib.contextmanager
def spaces(setup: str, *more: str) -> Iterator[Spaces]:
    """Hold namespaces prepared by a script; when the block ends, no process is left in them. Raises Failed."""
    argv = [*MORTAL, "unshare", *OWN, *more, "sh", "-ec", setup + BEGIN]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise Failed("namespaces could not be made: unshare(1)")
        held = Spaces(process)
        try:
            yield held
        finally:
            # The kernel lets the first process of a process namespace go after all others, and unshare waits for it.
            with contextlib.suppress(ValueError):  # it has ended by itself
                os.kill(held.first, signal.SIGKILL)
            process.wait(PATIENCE)


@contextlib.contextmanager
def host(setup: str, net: int) -> Iterator[tuple[Spaces, Client]]:
    """Hold namespaces that are a host of their own for networks within 10.NET.0.0/16; this machine is its neighbour.

    It has two ways out: a cable to this machine, and slirp4netns for all that lies beyond. Neither touches this
    machine's rules; the cable ends with the namespace, and the route over it with the cable.
    """
    with spaces(f"ip link set lo up\n{setup}", "--net") as held:
        neighbour = Client((), f"10.{net}.255.1", f"10.{net}.255.2")
        cable(held, f"zflow{net}", f"10.{net}.255")
        run("ip", "route", "add", f"10.{net}.0.0/16", "via", neighbour.here)
        options = ("--configure", "--mtu", "65520", "--disable-host-loopback", "--ready-fd", "1")
        argv = [*MORTAL, "slirp4netns", *options, str(held.first), "beyond"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as slirp:
            try:
                assert slirp.stdout is not None
                if slirp.stdout.read(1) != b"1":
                    raise Failed("slirp4netns did not come up")
                yield held, neighbour
            finally:
                slirp.kill()


def cable(held: Spaces, name: str, net: str) -> None:
    """Lay a cable between this host, which is NET.1, and a network namespace, which is NET.2."""
    inside = held.entering("net")
    run("ip", "link", "add", name, "type", "veth", "peer", "name", "cable", "netns", str(held.first))
    run("ip", "address", "add", f"{net}.1/24", "dev", name)
    run("ip", "link", "set", name, "up")
    run(*inside, "ip", "address", "add", f"{net}.2/24", "dev", "cable")
    run(*inside, "ip", "link", "set", "cable", "up")


def free_network() -> int:
    """Return N of a network 10.N.0.0/16 that this machine has no route to; another for each process, as a rule."""
    routes = run("ip", "route")
    return next(net for net in (100 + (os.getpid() + each) % 100 for each in range(100)) if f"10.{net}." not in routes)
