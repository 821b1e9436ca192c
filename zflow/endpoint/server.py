"""The endpoint's process: listens where the setting says, and ends when that changes, to be started again.

Served by waitress: its threads only meet whole requests, so that slow clients hold none of them. What it leaves open is
bounded here: how long a request and a connection may last, and how many connections there are. Where there is no room,
a new connection takes the place of the oldest that has asked for nothing yet.

Others than the container itself are answered only once the product's `shields`, such as its firewall, are up.
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
"""How the process ends when it cannot listen, or is to listen elsewhere."""
LOOK = 5.0
"""Seconds between two looks at the setting, which may stand in a file."""
BLINK = 0.25
"""Seconds between two looks whether the shields are up, at first."""
SOON = 30.0
"""Seconds after which it looks as rarely as at the setting: a firewall that is blocked may stay so for days."""
PATIENCE = 5
"""Seconds that a client may be silent, and that a request may take to arrive."""
LONGEST = 60.0
"""Seconds that one connection may last."""
OTHERS = 48
"""So many connections there may be from outside the container."""
EACH = 8
"""So many of them from one address; an IPv6 network of 64 bits counts as one."""
OWN = 16
"""So many from the container itself: kept free for its probes, whatever comes from outside."""
OURSELVES = "the container itself"
"""How its own connections are called, from whichever of its addresses."""


class _Channel(HTTPChannel):
    """A connection that lasts neither for ever, nor longer than its place is needed by one who knows what to ask."""

    def __init__(self, server: Any, sock: socket.socket, addr: Any, *args: Any, **options: Any) -> None:
        super().__init__(server, sock, addr, *args, **options)
        self.client = client(addr[0], sock.getsockname()[0])
        self._begun = time.time()
        _make_room(self, list(server.active_channels.values()))

    @property
    def idle(self) -> bool:
        """Whether nothing whole has been asked that is still to be answered."""
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
    """Return who somebody is that connects from `address` to the `local` one, as connections are counted."""
    peer = ipaddress.ip_address(address.partition("%")[0])
    if peer.is_loopback or address == local:
        return OURSELVES
    return str(peer if peer.version == 4 else ipaddress.ip_network((peer, 64), strict=False))


def _make_room(new: _Channel, there: list[_Channel]) -> None:
    """End a connection where there are too many with the new one: the oldest idle one, the new one where none is."""
    of_one = (EACH, [each for each in there if each.client == new.client])
    of_all = (OTHERS, [each for each in there if each.client != OURSELVES])
    for most, rivals in [(OWN, of_one[1])] if new.client == OURSELVES else [of_one, of_all]:
        if sum(each.connected for each in rivals) > most:
            idle = [each for each in rivals if each.connected and each.idle and each is not new]
            min(idle, key=lambda each: each.creation_time, default=new).handle_close()


def serve(volume: Path, environment: Mapping[str, str]) -> int:
    """Serve until the setting changes or the supervisor is gone; return how the process ends."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = os.getppid()
    say = announcer(str, system_clock)
    try:
        address = load_one(HTTP, environment, volume)
    except OperatorError:
        return OFF  # the walk is blocked by it and says so, beside all other mistakes
    if address is None:
        return OFF
    if not shielded(address, volume):
        say(f"{HTTP.variable}: {address} is served once the firewall is loaded")
    began = time.monotonic()
    while not shielded(address, volume):
        time.sleep(BLINK if time.monotonic() - began < SOON else LOOK)
        if os.getppid() != parent or not _still(address, environment, volume):
            return AGAIN
    try:
        listener = listen(address)
    except OSError as error:
        say(f"{HTTP.variable}: nothing can listen at {address}: {error.strerror}; tried again")
        return AGAIN
    threading.Thread(target=server(listener, volume).run, daemon=True).start()
    say(f"health, metrics and a page are served at http://{address}/")
    while os.getppid() == parent and _still(address, environment, volume):
        time.sleep(LOOK)
    return AGAIN


def shielded(address: Address, volume: Path) -> bool:
    """Tell whether somebody may listen there: what the product names as its shields was proven in this start.

    The loopback address is reached by the container alone.
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
    """Return the server of a volume's endpoint, not yet running."""
    logging.getLogger("waitress").setLevel(logging.CRITICAL)
    made = create_server(
        partial(application, volume),
        sockets=[listener],
        ident=None,
        threads=2,
        connection_limit=OTHERS + OWN + 8,  # never reached: beyond it nobody would be let in
        channel_timeout=PATIENCE,
        cleanup_interval=1,
        max_request_header_size=8192,
        max_request_body_size=1,  # nothing is ever uploaded
    )
    assert isinstance(made, BaseWSGIServer)
    made.channel_class = _Channel
    return made


def _still(address: Address, environment: Mapping[str, str], volume: Path) -> bool:
    try:
        return load_one(HTTP, environment, volume) == address
    except OperatorError:
        return True  # a mistake in a running server's settings ends nothing
