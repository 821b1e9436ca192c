"""An endpoint that listens, over a volume that a living runner holds."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engine.toy import Bench, hold_as
from zflow.endpoint.server import server
from zflow.host.boot import boot_identity
from zflow.supervise.lock import RUNNER


@dataclass(frozen=True)
class Listening:
    """Where it listens, and over what."""

    bench: Bench
    port: int

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self.port}/"

    def ask(self, path: str, method: str = "GET") -> tuple[int, dict[str, str], str]:
        """Return status, headers and content of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """Return a connection on which nothing has been said."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    """The endpoint, closed when the test ends."""
    hold_as(tmp_path, RUNNER)
    listener = socket.create_server(("127.0.0.1", 0))
    made = server(listener, tmp_path)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    yield Listening(Bench(tmp_path, boot_identity()), listener.getsockname()[1])
    with contextlib.suppress(OSError):  # its thread may have closed it already, woken by the end of an answer
        made.trigger.pull_trigger(made.close)  # type: ignore[attr-defined]  # in its own thread; the stubs say int
    thread.join(10)
