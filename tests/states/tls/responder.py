"""A CA's server on loopback that answers with certificates, or as badly as an enemy can."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from collections.abc import Callable, Iterator

ADDRESS = "127.0.0.1"
Answer = bytes | Callable[[socket.socket], None]


def ok(body: bytes, *headers: str) -> bytes:
    """Return an answer of HTTP with a body."""
    head = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def go(location: str) -> bytes:
    """Return a redirect."""
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def _silence(peer: socket.socket) -> None:
    while peer.recv(1):
        pass


def _drip(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    peer.settimeout(0.01)
    while True:
        with contextlib.suppress(TimeoutError):
            peer.recv(1)
        peer.sendall(b"x")


def _endless(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        peer.sendall(bytes(1 << 16))


def _endless_head(peer: socket.socket) -> None:
    while True:
        peer.sendall(b"HTTP/1.1 200 OK\r\n" + b"X-More: of the same\r\n" * 1000)


HOSTILE: dict[str, Answer] = {
    "/silent": _silence,
    "/drip": _drip,
    "/endless": _endless,
    "/endless-head": _endless_head,
    "/to-file": go("file:///etc/passwd"),
    "/to-metadata": go("http://169.254.169.254/latest/meta-data/"),
    "/to-private": go("http://10.0.0.1/ca.crt"),
    "/to-mapped": go("http://[::ffff:192.168.0.1]/ca.crt"),
    "/to-itself": go("/to-itself"),
    "/absent": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "/failing": b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
    "/page": ok(b"<html>Parked</html>", "Content-Type: text/html"),
    "/nothing": ok(b""),
    "/rubbish": b"\x16\x03\x01 this is no HTTP\r\n\r\n",
    "/bomb": ok(gzip.compress(bytes(16 << 20), 9), "Content-Encoding: gzip"),
    "/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf",
    "/long": f"HTTP/1.1 200 OK\r\nContent-Length: {1 << 60}\r\n\r\nhalf".encode(),
    "/longest": f"HTTP/1.1 200 OK\r\nContent-Length: {1 << 90}\r\n\r\nhalf".encode(),
    "/long-chunk": f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{1 << 60:X}\r\nhalf".encode(),
    "/chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
    "/hang-up": b"",
}
AWAY = ("/silent", "/drip", "/failing", "/cut", "/chunks", "/long", "/longest", "/long-chunk", "/hang-up")
"""Those that may be better another time."""


class Responder:
    """Answers each path with what is listed for it; counts what is asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = dict(HOSTILE)
        self.asked: list[str] = []
        self._listener = socket.create_server((ADDRESS, 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"http://{ADDRESS}:{self._listener.getsockname()[1]}{path}"

    def publish(self, path: str, body: bytes) -> str:
        """Answer a path with a body from now on; return its address."""
        self.answers[path] = ok(body)
        return self.url(path)

    def close(self) -> None:
        """Answer no more."""
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._talk, args=(self._listener.accept()[0],), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            peer.settimeout(30)
            path = peer.recv(4096).split()[1].decode()
            self.asked.append(path)
            answer = self.answers[path]
            if callable(answer):
                answer(peer)
            else:
                peer.sendall(answer)


@contextlib.contextmanager
def responder() -> Iterator[Responder]:
    """Run one for a while."""
    made = Responder()
    try:
        yield made
    finally:
        made.close()
