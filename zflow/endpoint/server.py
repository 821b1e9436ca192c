"""The endpoint's process: it listens where the setting says, and ends when that changes, to be started again.

Served by waitress, whose threads get complete requests only: slow clients block none of them. The limits that waitress
does not have are here: how long a request and a connection may last, and how many connections there are. When there are
too many, a new connection replaces the oldest idle one.

Clients outside the container are answered only once the product's `shields`, such as its firewall, are up.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server

from zflow.endpoint.address import HTTP, Address
from zflow.endpoint.answers import application
from zflow.errors import OperatorError
from zflow.host.boot import boot_identity
from zflow.host.clock import system_clock
from zflow.host.files import read_json
from zflow.journal.reader import reading, steps
from zflow.output import announcer
from zflow.settings import load_one
from zflow.status.health import proven, shields_file
from zflow.supervise.endpoint import OFF

AGAIN = 1
"""Exit code when the process cannot listen, or must listen elsewhere."""
LOOK = 5.0
"""Seconds between two looks at the setting, which may be in a file."""
BLINK = 0.25
"""Seconds between two checks of the shields, at first."""
SOON = 30.0
"""Seconds after which it checks them as rarely as the setting: a firewall may stay blocked for days."""
PATIENCE = 5
"""Seconds that a client may be silent, and that a request may take to arrive."""
LONGEST = 60.0
"""Seconds that one connection may last."""
OTHERS = 48
"""Connections from outside the container, at most."""
EACH = 8
"""Connections from one address, at most; an IPv6 network of 64 bits counts as one."""
OWN = 16
"""Connections from the container itself, at most: reserved for its probes."""
OURSELVES = "the container itself"
"""The name of its own connections, from any of its addresses."""


class _Channel(HTTPChannel):
    """A connection with a time limit, which is closed earlier when a new one needs the room."""

    def __init__(self, server: Any, sock: socket.socket, addr: Any, *args: Any, **options: Any) -> None:
        super().__init__(server, sock, addr, *args, **options)
        self.client = client(addr[0], sock.getsockname()[0])
        self._begun = time.time()
        _make_room(self, list(server.active_channels.values()))

    @property
    def idle(self) -> bool:
        """Whether no complete request waits for its answer."""
        return not self.requests

    def handle_read(self) -> None:
        now = time.time()
        if self.request is None and self.idle:
            self._begun = now
        super().handle_read()
        late = self.request is not None and now - self._begun > PATIENCE
        if late or now - self.creation_time > LONGEST:
            self.close_when_flushed = True

    def handle_write(self) -> None:
        super().handle_write()
        if self.connected and time.time() - self.creation_time > LONGEST:
            self.handle_close()


def client(address: str, local: str) -> str:
    """Return who a client is, for counting connections, that connects from `address` to the `local` one."""
    peer = ipaddress.ip_address(address.partition("%")[0])
    if peer.is_loopback or address == local:
        return OURSELVES
    return str(peer if peer.version == 4 else ipaddress.ip_network((peer, 64), strict=False))


def _make_room(new: _Channel, there: list[_Channel]) -> None:
    """Close a connection when there are too many with the new one: the oldest idle one, else the new one."""
    of_one = (EACH, [each for each in there if each.client == new.client])
    of_all = (OTHERS, [each for each in there if each.client != OURSELVES])
    for most, rivals in [(OWN, of_one[1])] if new.client == OURSELVES else [of_one, of_all]:
        if sum(each.connected for each in rivals) > most:
            idle = [each for each in rivals if each.connected and each.idle and each is not new]
            min(idle, key=lambda each: each.creation_time, default=new).handle_close()


def serve(volume: Path, environment: Mapping[str, str]) -> int:
    """Serve until the setting changes or the supervisor is gone; return the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = os.getppid()
    say = announcer(str, system_clock)
    try:
        address = load_one(HTTP, environment, volume)
    except OperatorError:
        return OFF  # the walk is blocked by it and reports it with all other mistakes
    if address is None:
        return OFF
    if not shielded(address, volume):
        say(f"{HTTP.variable}: {address} opens once the steps that protect the container are valid")
    began = time.monotonic()
    while not shielded(address, volume):
        time.sleep(BLINK if time.monotonic() - began < SOON else LOOK)
        if os.getppid() != parent or not _still(address, environment, volume):
            return AGAIN
    try:
        listener = listen(address)
    except OSError as error:
        say(f"{HTTP.variable}: cannot listen on {address}: {error.strerror}; will be retried")
        return AGAIN
    threading.Thread(target=server(listener, volume).run, daemon=True).start()
    say(f"health, metrics and a page are served at http://{address}/")
    while os.getppid() == parent and _still(address, environment, volume):
        time.sleep(LOOK)
    return AGAIN


def shielded(address: Address, volume: Path) -> bool:
    """Tell whether the address may open: the steps that the product names as its shields were proven in this start.

    Only the container itself reaches the loopback address.
    """
    if ipaddress.ip_address(address.host).is_loopback:
        return True
    names = read_json(shields_file(volume), set)
    if names is None:
        return False
    try:
        with reading(volume) as journal:
            up = {row["name"] for row in steps(journal) if proven(row, boot_identity())}
    except (OSError, ValueError, OperatorError):
        return False
    return names <= up


def listen(address: Address) -> socket.socket:
    """Return a socket that listens. Raises OSError."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    return socket.create_server((address.host, address.port), family=family)


def server(listener: socket.socket, volume: Path) -> BaseWSGIServer:
    """Return the server of a volume's endpoint, not yet started."""
    logging.getLogger("waitress").setLevel(logging.CRITICAL)
    made = create_server(
        partial(application, volume),
        sockets=[listener],
        ident=None,
        threads=2,
        connection_limit=OTHERS + OWN + 8,  # never reached: beyond it waitress would accept nothing
        channel_timeout=PATIENCE,
        cleanup_interval=1,
        max_request_header_size=8192,
        max_request_body_size=1,  # nothing is uploaded
    )
    assert isinstance(made, BaseWSGIServer)
    made.channel_class = _Channel
    return made


def _still(address: Address, environment: Mapping[str, str], volume: Path) -> bool:
    try:
        return load_one(HTTP, environment, volume) == address
    except OperatorError:
        return True  # a mistake in the settings of a running server stops nothing
