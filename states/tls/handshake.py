"""What the ports really serve: a TLS handshake, with STARTTLS where the protocol wants it, and the leaf received."""

from __future__ import annotations

import re
import socket
import ssl

LOCAL = "127.0.0.1"
PATIENCE = 15.0
"""Seconds for one answer; postscreen lets a stranger wait for six."""
LIMIT = 1 << 16
"""Bytes of one answer."""

Dialogue = tuple[tuple[bytes, bytes], ...]
"""What to say, and a pattern of the line that ends the answer; the first answer is the greeting."""
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


def served(port: int) -> bytes | None:
    """Return the certificate (DER) a port serves on this machine, None when it does not get that far."""
    try:
        with socket.create_connection((LOCAL, port), PATIENCE) as plain:
            _talk(plain, PORTS[port])
            with _context().wrap_socket(plain) as secured:
                return secured.getpeercert(binary_form=True)
    except OSError:
        return None


def _talk(plain: socket.socket, dialogue: Dialogue) -> None:
    for say, end in dialogue:
        plain.sendall(say)
        answer = b""
        while not re.search(end, answer, re.MULTILINE):
            received = plain.recv(4096)
            if not received or len(answer) > LIMIT:
                raise ConnectionError(f"no TLS after {answer[:200]!r}")
            answer += received


def _context() -> ssl.SSLContext:
    # Trust is not asked here: what matters is which certificate comes, also the self-signed one of before.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
