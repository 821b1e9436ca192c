"""Seeing which certificate a port serves, by real handshakes with small servers on this machine."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from states.tls import handshake
from tests.states.tls.authority import inter, leaf

DIALOGUES: dict[int, tuple[bytes, dict[bytes, bytes]]] = {
    443: (b"", {}),
    25: (b"220 hello\r\n", {b"EHLO": b"250-hello\r\n250 STARTTLS\r\n", b"STARTTLS": b"220 go\r\n"}),
    143: (b"* OK hello\r\n", {b"STARTTLS": b"* hm\r\na OK\r\n"}),
    110: (b"+OK hello\r\n", {b"STLS": b"+OK\r\n"}),
}
"""What a server says first and answers, by the port whose protocol it speaks; the last answer begins TLS."""


def serve(listener: socket.socket, kind: int, context: ssl.SSLContext) -> None:
    """Speak one dialogue up to the handshake."""
    greeting, answers = DIALOGUES[kind]
    connection, _ = listener.accept()
    with connection, contextlib.suppress(OSError):
        connection.sendall(greeting)
        for _ in answers:
            words = connection.recv(1000).split()
            (answer,) = (text for word, text in answers.items() if word in words)
            connection.sendall(answer)
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1000)


def hang_up(listener: socket.socket) -> None:
    """Accept one caller and say nothing."""
    listener.accept()[0].close()


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    """Return a server's context with the tests' certificate."""
    (tmp_path / "pair.pem").write_bytes(leaf().key_pem + leaf().pem + inter().pem)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(tmp_path / "pair.pem")
    return made


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Return a socket that listens on a free port."""
    with socket.create_server((handshake.LOCAL, 0)) as made:
        yield made


@pytest.mark.parametrize("kind", DIALOGUES)
def test_the_chain_is_seen(
    kind: int, context: ssl.SSLContext, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The served chain is received, though nobody here trusts it, by TLS at once and by STARTTLS of each protocol."""
    port = listener.getsockname()[1]
    monkeypatch.setitem(handshake.PORTS, port, handshake.PORTS[kind])
    thread = threading.Thread(target=serve, args=(listener, kind, context))
    thread.start()
    assert handshake.served(port) == tuple(ssl.PEM_cert_to_DER_cert(each.pem.decode()) for each in (leaf(), inter()))
    thread.join(5)


@pytest.mark.parametrize("kind", DIALOGUES)
def test_no_tls(kind: int, listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that is closed, or that hangs up, serves nothing."""
    port = listener.getsockname()[1]
    monkeypatch.setitem(handshake.PORTS, port, handshake.PORTS[kind])
    thread = threading.Thread(target=hang_up, args=(listener,))
    thread.start()
    assert handshake.served(port) == ()
    thread.join(5)
    listener.close()
    assert handshake.served(port) == ()
