"""The endpoint's process: listens where the setting says, and ends when that changes, to be started again.

Served by waitress: its threads only meet whole requests, so that slow clients hold none of them. What it leaves open is
bounded here: how many connections there are, and how long one may last, however busy it keeps itself.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server

from zflow.clock import system_clock
from zflow.endpoint.address import HTTP, Address
from zflow.endpoint.answers import application
from zflow.endpoint.keeper import OFF
from zflow.errors import OperatorError
from zflow.output import announcer
from zflow.settings import load_one

AGAIN = 1
"""How the process ends when it cannot listen, or is to listen elsewhere."""
LOOK = 5.0
"""Seconds between two looks at the setting, which may stand in a file."""
SILENCE = 10
"""Seconds that a client may be silent."""
LONGEST = 60.0
"""Seconds that one connection may last."""


class _Channel(HTTPChannel):
    """A connection that does not last for ever, though its client sends a byte now and then."""

    def handle_read(self) -> None:
        super().handle_read()
        if time.time() - self.creation_time > LONGEST:
            self.close_when_flushed = True


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
        connection_limit=64,
        channel_timeout=SILENCE,
        cleanup_interval=SILENCE // 2,
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
