"""Questions to a DNS server on this machine that answers whatever a test tells it to."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from states.ubuntu.dnsquery import AAAA, MX, NS, A, ask

NAME = "mail.example.org"
POINTER = b"\xc0\x0c"
"""To the name in the question."""


@dataclass
class Server:
    """Answers each question by a function."""

    port: int
    answer: Callable[[bytes], bytes]

    def ask(self, kind: int) -> list[str]:
        """Ask it for the server's name."""
        return ask(NAME, kind, port=self.port, timeout=5)


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a server on a free port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind(("127.0.0.1", 0))
        made = Server(channel.getsockname()[1], lambda query: query)

        def serve() -> None:
            while (received := channel.recvfrom(4096))[0] != b"end":
                channel.sendto(made.answer(received[0]), received[1])

        thread = threading.Thread(target=serve)
        thread.start()
        yield made
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", ("127.0.0.1", made.port))
        thread.join()


def record(kind: int, value: bytes, name: bytes = POINTER, length: int | None = None) -> bytes:
    """Return a resource record."""
    return name + struct.pack(">HHIH", kind, 1, 60, len(value) if length is None else length) + value


def answered(*records: bytes, count: int | None = None) -> Callable[[bytes], bytes]:
    """Return what answers a question with these records."""
    number = len(records) if count is None else count
    return lambda query: query[:2] + struct.pack(">HHHHH", 0x8180, 1, number, 0, 0) + query[12:] + b"".join(records)


def test_addresses(server: Server) -> None:
    """Addresses of the family asked for are returned, records of other kinds passed over."""
    other = record(5, b"\x01x\x00")
    server.answer = answered(other, record(A, bytes([10, 0, 0, 2])), record(A, bytes([10, 0, 0, 3])))
    assert server.ask(A) == ["10.0.0.2", "10.0.0.3"]
    server.answer = answered(record(AAAA, bytes(15) + b"\x01"))
    assert server.ask(AAAA) == ["::1"]
    assert server.ask(A) == []


def test_mail_exchangers(server: Server) -> None:
    """Hosts are returned in lower case, written out or as a pointer."""
    server.answer = answered(record(MX, b"\x00\x0a" + POINTER), record(MX, b"\x00\x14\x02MX\x07example\xc0\x19"))
    assert server.ask(MX) == [NAME, "mx.example.org"]


def test_nameservers_of_the_root(server: Server) -> None:
    """The root itself has an empty name; a name that does not exist is an answer like any other."""
    asked = bytearray()

    def answer(query: bytes) -> bytes:
        asked[:] = query[12:]
        return answered(record(NS, b"\x01a\x00", name=b"\0"))(query)

    server.answer = answer
    assert ask(".", NS, port=server.port, timeout=5) == ["a"]
    assert bytes(asked) == b"\0" + struct.pack(">HH", NS, 1)
    server.answer = lambda query: query[:3] + b"\x83" + answered()(query)[4:]
    assert server.ask(A) == []


def test_nothing(server: Server) -> None:
    """An answer without records is an empty list: the name leads nowhere."""
    server.answer = answered()
    assert server.ask(A) == []


BAD: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "empty": (A, lambda _query: b""),
    "header cut": (A, lambda query: query[:5]),
    "another question's": (A, lambda query: bytes([query[0] ^ 1]) + answered()(query)[1:]),
    "records missing": (A, answered(count=3)),
    "name that points to itself": (A, answered(record(A, bytes(4), name=b"\xc0\x22"))),
    "names that point to each other": (
        MX,
        answered(record(5, b"\xc0\x30", name=b"\xc0\x2e"), record(MX, b"\0\0\xc0\x22")),
    ),
    "name that points forward": (A, answered(record(A, bytes(4), name=b"\xc0\xff"))),
    "name without an end": (A, answered(b"\x3f" + b"x" * 40)),
    "value cut": (A, answered(record(A, bytes(2), length=4))),
    "address too short": (A, answered(record(A, bytes(3)))),
    "not able to": (A, lambda query: query[:3] + b"\x82" + answered()(query)[4:]),
    "not willing to": (A, lambda query: query[:3] + b"\x85" + answered()(query)[4:]),
    "host that is no text": (MX, answered(record(MX, b"\0\0\x02\xff\xfe\0"))),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_answers(server: Server, case: str) -> None:
    """What cannot be read is an OSError, never a loop."""
    kind, server.answer = BAD[case]
    with pytest.raises(OSError, match="the answer cannot be read"):
        server.ask(kind)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from([A, MX, AAAA]), st.booleans())
def test_fuzzed_answers(server: Server, rubbish: bytes, kind: int, whole_header: bool) -> None:
    """Whatever comes back, the answer is a list or an OSError."""
    server.answer = lambda query: answered(rubbish, count=40)(query) if whole_header else query[:2] + rubbish
    with contextlib.suppress(OSError):
        assert all(isinstance(each, str) for each in server.ask(kind))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 80), st.integers(0, 255)), max_size=4))
def test_damaged_answers(server: Server, changes: list[tuple[int, int]]) -> None:
    """A right answer with any bytes changed is read or refused, and never hangs."""

    def damaged(query: bytes) -> bytes:
        data = bytearray(answered(record(MX, b"\x00\x0a" + POINTER), record(A, bytes(4)))(query))
        for at, value in changes:
            data[at % len(data)] = value
        return bytes(data)

    server.answer = damaged
    with contextlib.suppress(OSError):
        assert all(isinstance(each, str) for each in server.ask(MX))


def test_nobody_there() -> None:
    """A closed port is an OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind(("127.0.0.1", 0))
        port = channel.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        ask(NAME, A, port=port)
