"""A question to a DNS server and its answer, enough to see whether the server's own DNS works; RFC 1035, 4.

Written by hand: dnspython takes a fifth of a second to load, and this is asked at every start.
"""

from __future__ import annotations

import secrets
import socket
import struct

A, NS, MX, AAAA = 1, 2, 15, 28
USELESS = {2: "SERVFAIL", 5: "REFUSED"}
"""Codes of a server that cannot answer; RFC 1035, 4.1.1."""


def ask(name: str, kind: int, server: str = "127.0.0.1", port: int = 53, timeout: float = 1.0) -> list[str]:
    """Return the answer of a DNS server: addresses, or the hosts of MX and NS records.

    Raises OSError when it does not answer, or answers with an error.
    """
    query_id = secrets.randbelow(1 << 16)
    query = struct.pack(">HHHHHH", query_id, 0x0100, 1, 0, 0, 0) + _encoded(name) + struct.pack(">HH", kind, 1)
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as channel:
        channel.settimeout(timeout)
        channel.connect((server, port))
        channel.send(query)
        reply = channel.recv(4096)
    try:
        return _answers(reply, query_id, kind)
    except (struct.error, IndexError, UnicodeDecodeError, ValueError) as error:
        raise OSError(f"the answer cannot be read: {error}") from error


def _encoded(name: str) -> bytes:
    labels = [label.encode("idna") for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _answers(reply: bytes, query_id: int, kind: int) -> list[str]:
    found_id, flags, questions, answers, _, _ = struct.unpack_from(">HHHHHH", reply)
    if found_id != query_id:
        raise ValueError("it belongs to another question")
    if flags & 0xF in USELESS:
        raise ValueError(USELESS[flags & 0xF])
    at = 12
    for _ in range(questions):
        at = _name(reply, at)[1] + 4
    found = []
    for _ in range(answers):
        at = _name(reply, at)[1]
        this, _, _, length = struct.unpack_from(">HHIH", reply, at)
        at += 10
        if this == kind:
            found.append(_value(reply, at, length, kind))
        at += length
    return found


def _value(reply: bytes, at: int, length: int, kind: int) -> str:
    if kind in {MX, NS}:
        return _name(reply, at + 2 if kind == MX else at)[0]
    return socket.inet_ntop(socket.AF_INET6 if kind == AAAA else socket.AF_INET, reply[at : at + length])


def _name(reply: bytes, at: int) -> tuple[str, int]:
    """Return the name at an offset, and the offset after it; a pointer must lead back, so that loops end."""
    labels: list[str] = []
    after = 0
    limit = at
    while (length := reply[at]) != 0:
        if length & 0xC0:
            after = after or at + 2
            target = ((length & 0x3F) << 8) | reply[at + 1]
            if target >= limit:
                raise ValueError("a name points forward")
            at = limit = target
            continue
        labels.append(reply[at + 1 : at + 1 + length].decode("ascii"))
        at += 1 + length
    return ".".join(labels).lower(), after or at + 1
