"""How the end-to-end tests look at a container: from outside, by its history, and as user zimbra inside."""

from __future__ import annotations

import errno
import json
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from rehearsal.machine import Machine

PATIENCE = 120.0
"""Seconds that anything may take on a busy machine."""
AT_ONCE = 12_000
"""Sockets of a scan that are open at a time: below the usual limit of a root shell."""


def eventually(condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
    """Look until a condition holds, or the time is over."""
    deadline = time.monotonic() + patience
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return holds


def address(machine: Machine) -> str:
    """Return the container's address, as others reach it."""
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return machine.engine.run("inspect", "--format", form, machine.name).stdout.strip()


def reached(place: str, port: int, patience: float = 2.0) -> bool:
    """Tell whether a TCP port answers at an address."""
    try:
        with socket.create_connection((place, port), patience):
            return True
    except OSError:
        return False


def served(machine: Machine, port: int = 443) -> str:
    """Return the certificate that a port serves to the outside; empty when there is none."""
    try:
        return ssl.get_server_certificate((address(machine), port), timeout=5)
    except OSError:
        return ""


def events(machine: Machine, after: int = 0) -> list[dict[str, Any]]:
    """Return the events after one."""
    lines = machine.run("zflow", "history", "--json").stdout.splitlines()
    return [row for row in map(json.loads, lines) if row["seq"] > after]


def keep_still(machine: Machine) -> None:
    """Pause the runner, and let a walk under way end: what is changed by hand now is put back by `resume` alone."""
    machine.run("zflow", "pause", check=True)
    machine.wait_valid(600)


def newest(machine: Machine) -> int:
    """Return the newest event's number."""
    return int(events(machine)[-1]["seq"])


def zimbra(machine: Machine, command: str) -> str:
    """Run a command as user zimbra and return its output."""
    return machine.run("chroot", "/data", "su", "-", "zimbra", "-c", command).stdout


def open_ports(place: str, patience: float = 0.7) -> set[int]:
    """Return every TCP port that answers at an address, of all 65,535; each gets `patience` seconds."""
    found: set[int] = set()
    for first in range(1, 65_536, AT_ONCE):
        found |= _answering(place, range(first, min(first + AT_ONCE, 65_536)), patience)
    return found


def _answering(place: str, ports: range, patience: float) -> set[int]:
    begun: dict[int, tuple[socket.socket, int]] = {}
    found: set[int] = set()
    with select.epoll() as poll:
        try:
            for port in ports:
                one = socket.socket()
                one.setblocking(False)
                assert one.connect_ex((place, port)) == errno.EINPROGRESS
                begun[one.fileno()] = (one, port)
                poll.register(one, select.EPOLLOUT)
            deadline = time.monotonic() + patience
            while (left := deadline - time.monotonic()) > 0:
                for number, _ in poll.poll(left, AT_ONCE):
                    one, port = begun[number]
                    poll.unregister(one)
                    if one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                        found.add(port)
        finally:
            for one, _ in begun.values():
                one.close()
    return found
