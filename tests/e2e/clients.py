"""Clients of a server, on this machine or on another one, and from where the server sees them come."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rehearsal.machine import Machine
from rehearsal.spaces import Client, cable, free_network, spaces

SMTP = 25
CONNECT = """\
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 20) as connection:
    print(connection.recv(3).decode(), flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_machine() -> Iterator[Client]:
    """A network namespace with a cable to this machine."""
    net = free_network()
    with spaces("ip link set lo up\n", "--net") as held:
        cable(held, f"zflow{net}", f"10.{net}.0")
        yield Client(held.entering("net"), f"10.{net}.0.2", f"10.{net}.0.1")


def seen(machine: Machine, place: str, port: int = SMTP, before: Sequence[str] = ()) -> str:
    """Return from which address the server sees a client come that is greeted by it at a published port."""
    argv, pipe = [*before, sys.executable, "-c", CONNECT, place, str(port)], subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "220\n"
        listed = machine.run("ss", "-Htn", "state", "established", f"( sport = :{SMTP} )", check=True).stdout
        client.communicate("")
    (peer,) = [line.split()[3] for line in listed.splitlines()]
    return peer.rpartition(":")[0].strip("[]").removeprefix("::ffff:")
