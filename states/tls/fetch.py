"""One certificate from a CA's server by http(s), bounded in everything, and never from where it must not be asked.

Where a certificate says its issuer can be fetched is a stranger's word. So the name is resolved first, every address is
judged, and the connection goes to a judged address itself: no second look-up could answer otherwise. The answer is read
whole, within a number of bytes and a deadline for all requests together, before a byte of it is understood; nothing in
it is ever unpacked.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

LIMIT = 64 << 10
"""Bytes of one answer with its head; a certificate has one or two thousand, bundles some more."""
SECONDS = 20.0
"""For all requests of one search together."""
REQUESTS = 12
"""Of one search, redirects included."""
REDIRECTS = 3
PORTS = {"http": 80, "https": 443}
NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 addresses in the clothes of IPv6; RFC 6052, 2.1."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Refused(Exception):
    """The answer, or the address, is none that may be used; asking again would not help."""


TRANSLATED = (ipaddress.ip_network("64:ff9b:1::/48"), ipaddress.ip_network("::/96"))
"""Prefixes behind which a translator may reach private IPv4: local NAT64 (RFC 8215), IPv4-compatible (RFC 4291)."""


class Away(Exception):
    """There was no answer in time; it may come another time."""


@dataclass
class Fetcher:
    """Fetches for one search; the budget is for all of it."""

    networks: tuple[Network, ...] = ()
    """Those that may be asked although they are not public."""
    deadline: float = field(default_factory=lambda: time.monotonic() + SECONDS)
    requests: int = REQUESTS

    def get(self, url: str) -> bytes:
        """Return the body behind an URL. Raises Refused or Away."""
        for _ in range(REDIRECTS + 1):
            answer = self._ask(_parsed(url))
            location = answer.getheader("Location")
            if answer.status not in {301, 302, 303, 307, 308} or location is None:
                return _body(answer)
            try:
                url = urljoin(url, location)
            except ValueError as error:
                raise Refused(f"a redirect to {location[:100]!r}: {error}") from None
        raise Refused(f"more than {REDIRECTS} redirects")

    def _ask(self, url: SplitResult) -> http.client.HTTPResponse:
        self.requests -= 1
        if self.requests < 0:
            raise Refused(f"more than {REQUESTS} requests")
        host, port = url.hostname or "", url.port or PORTS[url.scheme]
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        request = f"GET {path} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\nAccept: */*\r\n\r\n"
        try:
            with self._connection(host, port) as plain:
                secured = (
                    ssl.create_default_context().wrap_socket(plain, server_hostname=host)
                    if url.scheme == "https"
                    else plain
                )
                with secured as connection:
                    connection.sendall(request.encode())
                    received = self._receive(connection)
        except OSError as error:
            raise Away(f"{host}: {error}") from error
        return _understood(received)

    def _connection(self, host: str, port: int) -> socket.socket:
        found = self._resolve(host, port)
        allowed = [each for each in found if self._may_ask(ipaddress.ip_address(each))]
        if not allowed:
            raise Refused(f"{host} has no public address: {', '.join(found)}")
        return socket.create_connection((allowed[0], port), self._left())

    def _resolve(self, host: str, port: int) -> list[str]:
        answers: list[Any] = []

        def look_up() -> None:
            try:
                answers.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                answers.append(error)

        # The resolver knows no deadline; one that hangs is left behind.
        thread = threading.Thread(target=look_up, daemon=True)
        thread.start()
        thread.join(self._left())
        if not answers or isinstance(answers[0], Exception):
            raise Away(f"{host}: {answers[0] if answers else 'its name is not resolved'}")
        return list(dict.fromkeys(each[4][0].partition("%")[0] for each in answers))

    def _may_ask(self, address: Address) -> bool:
        return any(address in each for each in self.networks) or all(map(_public, _meant(address)))

    def _receive(self, connection: socket.socket) -> bytes:
        received = b""
        while len(received) <= LIMIT:
            connection.settimeout(self._left())
            try:
                chunk = connection.recv(1 << 14)
            except TimeoutError:
                # A server that leaves the connection open may have sent all; the parser will tell.
                if b"\r\n\r\n" not in received:
                    raise
                break
            if not chunk:
                break
            received += chunk
        if len(received) > LIMIT:
            raise Refused(f"more than {LIMIT} bytes")
        if not received:
            raise Away("it hung up")
        return received

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Away(f"no answer within {SECONDS:.0f} seconds")
        return left


def _parsed(url: str) -> SplitResult:
    try:
        found = urlsplit(url)
        good = found.scheme in PORTS and found.hostname and found.username is None and found.port != 0
        good = good and url.isascii() and url.isprintable() and " " not in url
    except ValueError:
        good = False
    if not good:
        raise Refused("not a plain http or https address")
    return found


def _meant(address: Address) -> Iterable[Address]:
    """Return an address and the IPv4 one that it stands for."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            yield inner


def _public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return True  # what it stands for is judged
    if any(address in each for each in TRANSLATED):
        return False
    return address.is_global and not address.is_multicast and not getattr(address, "is_site_local", False)


class _Received:
    """What has been received, where the standard library's parser expects a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self._data)


def _understood(received: bytes) -> http.client.HTTPResponse:
    answer = http.client.HTTPResponse(_Received(received))  # type: ignore[arg-type]
    try:
        answer.begin()
    except (http.client.HTTPException, ValueError) as error:
        raise Refused(f"no answer of HTTP: {type(error).__name__}") from error
    return answer


def _body(answer: http.client.HTTPResponse) -> bytes:
    if answer.status >= 500:
        raise Away(f"status {answer.status}")
    if answer.status != 200:
        raise Refused(f"status {answer.status}")
    try:
        return answer.read()
    except (http.client.HTTPException, ValueError) as error:
        raise Away("the answer was cut off") from error
