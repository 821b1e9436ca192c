"""What the ports serve: a TLS handshake, after STARTTLS where the protocol has it, and the chain received."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import warnings
from typing import Any

LOCAL = "127.0.0.1"
PATIENCE = 15.0
"""Seconds for one answer; postscreen lets a stranger wait for six."""
LIMIT = 1 << 16
"""Bytes of one answer."""

Dialogue = tuple[tuple[bytes, bytes], ...]
"""What to send, and a pattern of the line that ends the answer; the first answer is the greeting. By hand, for smtplib,
imaplib and poplib read answers of any length into memory, and the last two hand out no connection before TLS, in which
`prime` reads the handshake."""
DIRECT: Dialogue = ()
SMTP: Dialogue = ((b"", rb"^220 .*\n"), (b"EHLO localhost\r\n", rb"^250 .*\n"), (b"STARTTLS\r\n", rb"^220 .*\n"))
"""RFC 3207, section 4."""
IMAP: Dialogue = ((b"", rb"^\* OK.*\n"), (b"a STARTTLS\r\n", rb"^a OK.*\n"))
"""RFC 9051, section 6.2.1."""
POP: Dialogue = ((b"", rb"^\+OK.*\n"), (b"STLS\r\n", rb"^\+OK.*\n"))
"""RFC 2595, section 4."""
PORTS: dict[int, Dialogue] = {
    25: SMTP,
    110: POP,
    143: IMAP,
    443: DIRECT,
    465: DIRECT,
    587: SMTP,
    993: DIRECT,
    995: DIRECT,
    7071: DIRECT,
}
"""How TLS begins on each port of Zimbra's; RFC 8314 for 465, 993 and 995."""
STORE = 7071
"""The mail store's own port; all others are the proxy's and the MTA's."""
OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
"""Versions that are no longer safe; RFC 8996."""


def served(port: int, *, version: ssl.TLSVersion | None = None) -> tuple[bytes, ...]:
    """Return the certificates (DER, the server's first) that a port serves on this machine.

    Empty without TLS; with a version, when the port does not speak it.
    """
    try:
        with socket.create_connection((LOCAL, port), PATIENCE) as plain:
            _talk(plain, PORTS[port])
            with _context(version).wrap_socket(plain) as secured:
                # Public from Python 3.13 on, as a method of the socket; the object beneath has had it since 3.10.
                inner: Any = secured._sslobj  # type: ignore[attr-defined] # noqa: SLF001
                chain = inner.get_unverified_chain() or ()
                return tuple(ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in chain)
    except OSError:
        return ()


def serves(found: tuple[bytes, ...], wanted: tuple[bytes, ...]) -> bool:
    """Tell whether a port's chain is the wanted one: the leaf first, and all issuers; the root need not be sent."""
    return found[:1] == wanted[:1] and set(wanted[1:-1]) <= set(found)


def prime(port: int) -> bytes | None:
    """Return the prime of the Diffie-Hellman group that a port uses with TLS 1.2, which sends it in the clear.

    None without such a group: TLS 1.3 has other ones, and with EC certificates there is no such suite.
    """
    try:
        with socket.create_connection((LOCAL, port), PATIENCE) as plain:
            _talk(plain, PORTS[port])
            return _told_prime(plain)
    except OSError:
        return None


def _told_prime(plain: socket.socket) -> bytes | None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = _context(ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("kDHE:@SECLEVEL=0")
    client = context.wrap_bio(incoming, outgoing)
    heard = b""
    while True:
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            plain.sendall(outgoing.read())
            received = plain.recv(4096)
            heard += received
            if (found := _key_exchange(heard)) or not received or len(heard) > LIMIT:
                return found or None
            incoming.write(received)


def _key_exchange(heard: bytes) -> bytes:
    """Return the prime in a server's messages: ServerKeyExchange begins with it; RFC 5246, 6.2.1, 7.4 and 7.4.3.

    By hand, for the module ssl does not tell the group.
    """
    messages = b""
    while len(heard) >= 5 and heard[0] == 22:
        size = 5 + int.from_bytes(heard[3:5])
        messages, heard = messages + heard[5:size], heard[size:]
    while len(messages) >= 6:
        size = 4 + int.from_bytes(messages[1:4])
        length = 6 + int.from_bytes(messages[4:6])
        if messages[0] == 12 and len(messages) >= length:
            return messages[6:length]
        messages = messages[size:]
    return b""


def status(address: str, port: int, name: str) -> int | None:
    """Return the status with which a web server answers a request for its first page; None without an answer."""
    connection = http.client.HTTPSConnection(name, port)
    try:
        with socket.create_connection((address, port), PATIENCE) as plain:
            connection.sock = _context(None).wrap_socket(plain, server_hostname=name)
            connection.request("HEAD", "/")
            return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _talk(plain: socket.socket, dialogue: Dialogue) -> None:
    for say, end in dialogue:
        plain.sendall(say)
        answer = b""
        while not re.search(end, answer, re.MULTILINE):
            received = plain.recv(4096)
            if not received or len(answer) > LIMIT:
                raise ConnectionError(f"no TLS after {answer[:200]!r}")
            answer += received


def _context(version: ssl.TLSVersion | None) -> ssl.SSLContext:
    # Nothing is verified here: the question is which certificate comes, and that may be the self-signed one.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version is not None:
        # Without the level, openssl refuses the old versions itself, and a server that accepts them would seem clean.
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
    return context
