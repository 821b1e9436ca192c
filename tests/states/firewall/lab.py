"""A server and the world outside: two network namespaces, a cable between them, and frames of any kind on it.

Everything is done by this process, which enters the one or the other namespace. After each exchange an ARP request
goes the same way: no table of ours sees it, and its answer proves that all frames before it have been dealt with.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import re
import socket
import subprocess
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from zflow import codes
from zflow.errors import CommandError
from zflow.host.shell import Result, Shell

PREFIX = "zflow-fw-"
CLONE_NEWNET = 0x40000000
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
"""linux/if_packet.h."""
SO_RCVBUFFORCE = 33
SERVER_MAC, GATEWAY_MAC = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
SERVER_4, SERVER_6 = "10.77.0.2", "fd77::2"
GATEWAY_4, GATEWAY_6 = "10.77.0.1", "fd77::1"
ROUTER = "fe80::1"
PATIENCE = 5.0
"""Seconds that an answer may take on a machine under load."""


class Direct(Shell):
    """Runs commands at once and remembers them; the engine's own shell is tested elsewhere."""

    def __init__(self, prefix: tuple[str, ...] = ()) -> None:
        super().__init__(root=Path("/"), tag="test", log=lambda _line: None)
        self.prefix = prefix
        self.started: list[tuple[str, ...]] = []

    def run(self, *argv: str, ok: Container[int] = (0,), stdin: str | None = None, **_options: object) -> Result:
        """Run a command as the engine would."""
        self.started.append(argv)
        done = subprocess.run(
            [*self.prefix, *argv], input=stdin or "", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode not in ok:
            raise CommandError(codes.COMMAND, argv, done.returncode, done.stdout)
        return Result(done.returncode, done.stdout)


@dataclass
class Lab:
    """The two namespaces and the outer end of the cable."""

    server: str
    world: str
    wire: socket.socket
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def number(self) -> int:
        """Return a number that no check has used yet: fresh sources, ports and prefixes are made from it."""
        return next(self.numbers)

    def stranger(self) -> str:
        """Return an IPv4 address of the world that was never used."""
        number = self.number()
        return f"198.18.{number >> 8}.{number & 255}"

    def stranger_6(self) -> str:
        """Return an IPv6 address of the world in a /64 that was never used."""
        return f"2001:db8:1:{self.number():x}::7"

    def exchange(self, packets: Iterable[Packet] = ()) -> list[Packet]:
        """Send packets to the server; return all that came back until they had been dealt with."""
        frames = (bytes(each if isinstance(each, Ether) else ethernet(each)) for each in packets)
        return [Ether(answer) for answer in self.exchange_frames(frames)]

    def exchange_frames(self, frames: Iterable[bytes]) -> list[bytes]:
        """Do the same with bare frames."""
        for frame in frames:
            self.wire.send(frame)
        asker = f"10.77.100.{self.number() % 250}"
        ask = ARP(op="who-has", hwsrc=GATEWAY_MAC, psrc=asker, pdst=SERVER_4)
        self.wire.send(bytes(Ether(src=GATEWAY_MAC, dst=SERVER_MAC) / ask))
        answers = []
        while not _is_reply(answer := self.wire.recv(65536), socket.inet_aton(asker)):
            answers.append(answer)
        return answers

    def until(self, kind: type[Packet]) -> bool:
        """Wait for a packet of a kind from the server."""
        try:
            while kind not in Ether(self.wire.recv(65536)):
                pass
        except TimeoutError:
            return False
        return True


def _is_reply(frame: bytes, asker: bytes) -> bool:
    """Tell whether a frame is the ARP reply to this address (RFC 826)."""
    return frame[12:14] == b"\x08\x06" and frame[20:22] == b"\x00\x02" and frame[38:42] == asker


def ethernet(packet: Packet) -> Packet:
    """Return the packet in a frame to the server."""
    return Ether(src=GATEWAY_MAC, dst=SERVER_MAC) / packet


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Do something in a network namespace: its sockets, its files in /proc/net, its commands."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        _enter(there)
        yield
    finally:
        _enter(before)
        os.close(before)
        os.close(there)


def _enter(descriptor: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def one_processor() -> Iterator[None]:
    """Stay on one processor: its queue deals with frames in the order they were sent."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, processors)


@contextlib.contextmanager
def laboratory() -> Iterator[Lab]:
    """Build the namespaces, and remove them at the end; those of killed runs first."""
    remove_leftovers()
    server, world = (f"{PREFIX}{os.getpid()}-{name}" for name in ("server", "world"))
    try:
        _build(server, world)
        with inside(world):
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        with wire:
            wire.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
            wire.bind(("eth0", 3))
            wire.settimeout(PATIENCE)
            yield Lab(server, world, wire)
    finally:
        for name in (server, world):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def remove_leftovers() -> None:
    """Remove the namespaces of earlier runs whose process is gone."""
    for path in Path("/run/netns").glob(f"{PREFIX}*"):
        matched = re.fullmatch(rf"{PREFIX}(\d+)-\w+", path.name)
        if matched and not Path("/proc", matched[1]).exists():
            subprocess.run(["ip", "netns", "delete", path.name], check=False, capture_output=True)


def _build(server: str, world: str) -> None:
    for name in (server, world):
        subprocess.run(["ip", "netns", "add", name], check=True)
    ip(server, f"link add eth0 mtu 9000 address {SERVER_MAC} type veth peer name eth0 netns {world}")
    ip(world, f"link set eth0 mtu 9000 address {GATEWAY_MAC}")
    for name, four, six in ((server, SERVER_4, SERVER_6), (world, GATEWAY_4, GATEWAY_6)):
        ip(name, "link set lo up")
        ip(name, "link set eth0 up")
        ip(name, f"address add {four}/16 dev eth0")
        ip(name, f"address add {six}/64 dev eth0 nodad")
    # The neighbours are known, so that only the checks of neighbour discovery depend on it.
    for address in (GATEWAY_4, GATEWAY_6, ROUTER):
        ip(server, f"neighbour replace {address} lladdr {GATEWAY_MAC} dev eth0 nud permanent")
    for address in (SERVER_4, SERVER_6):
        ip(world, f"neighbour replace {address} lladdr {SERVER_MAC} dev eth0 nud permanent")
    ip(server, f"route add default via {GATEWAY_4}")
    ip(server, f"-6 route add default via {GATEWAY_6}")
    # Without them the kernel outside would answer the server's datagrams to strangers with errors of its own, over IPv4
    # where the machine forwards.
    ip(world, "route add blackhole default")
    ip(world, "-6 route add blackhole default")


def ip(name: str, command: str) -> None:
    """Run ip(8) in a namespace."""
    subprocess.run(["ip", "-n", name, *command.split()], check=True)


def udp_listener(port: int) -> socket.socket:
    """Return a socket that takes datagrams of both families."""
    made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    made.bind(("::", port))
    made.setblocking(False)
    return made
