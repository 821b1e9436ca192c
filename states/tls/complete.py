"""Completes a chain: fetches the missing issuers from the URLs that the certificates name (RFC 5280, 4.2.2.1).

Nothing that comes is trusted: only a certificate whose key signed the one at the gap is taken, and the chain is checked
as before. What was taken is kept on the volume, so that the next renewal asks nobody.

The URL is a stranger's word. So the name is resolved first, every address is checked, and the connection goes to a
checked address itself: no second look-up could answer otherwise. Bytes and time are limited for all requests together,
and no answer is ever decompressed.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from states.tls import parse
from states.tls.chain import DEPTH, issued_by, open_ends, reachable
from zflow.api import OperatorError, make_folder, write_atomic

URLS = 4
"""URLs tried for one certificate; real ones name one or two."""
LIMIT = 64 << 10
"""Bytes of one answer with its head; a certificate has one or two thousand, bundles some more."""
REQUESTS = 12
"""Of one search, redirects included."""
REDIRECTS = 3
PORTS = {"http": 80, "https": 443}
NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that stand for IPv4 ones; RFC 6052, 2.1."""
TRANSLATED = (ipaddress.ip_network("64:ff9b:1::/48"), ipaddress.ip_network("::/96"))
"""Prefixes behind which a translator may reach private IPv4: local NAT64 (RFC 8215), IPv4-compatible (RFC 4291)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Refused(Exception):
    """The URL, or its answer, must not be used; asking again would not help."""


class Away(Exception):
    """There was no answer in time; it may come another time."""


@dataclass
class Search:
    """A search for missing issuers, with what it found and why it found no more."""

    get: Callable[[str], bytes]
    """Fetches a URL; raises Refused or Away."""
    cache: Path
    now: datetime
    log: Callable[[str], None]
    found: list[x509.Certificate] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    away: bool = False
    """Whether a server did not answer, which it may do another time."""

    def complete(
        self, leaf: x509.Certificate, supplied: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
    ) -> None:
        """Fetch issuers until a root is reached, or nothing more is found."""
        for _ in range(DEPTH):
            reached = reachable(leaf, [*supplied, *self.found, *roots])
            if any(each in roots for each in reached):
                return
            more = [issuer for each in open_ends(reached) if (issuer := self._issuer(each)) is not None]
            if not more:
                return
            self.found += more
        self.failures.append(f"no root within {DEPTH} issuers")

    def _issuer(self, certificate: x509.Certificate) -> x509.Certificate | None:
        for url in urls(certificate)[:URLS]:
            kept = self.cache / f"{hashlib.sha256(url.encode()).hexdigest()}.der"
            with suppress(OSError, OperatorError):
                if (issuer := _fitting(certificate, kept.read_bytes())) and issuer.not_valid_after_utc > self.now:
                    return issuer
            try:
                issuer = _fitting(certificate, self.get(url))
            except (Refused, Away, OperatorError) as error:
                self.away = self.away or isinstance(error, Away)
                reason = error.detail.partition(": ")[2] if isinstance(error, OperatorError) else str(error)
            else:
                if issuer is not None:
                    self.log(f"fetched {parse.subject(issuer)} from {url}")
                    make_folder(self.cache, 0o700)
                    write_atomic(kept, issuer.public_bytes(Encoding.DER), mode=0o600)
                    return issuer
                reason = "no certificate that issued it"
            self.log(f"{url}: {reason}")
            self.failures.append(f"{url}: {reason}")
        return None


def _fitting(certificate: x509.Certificate, data: bytes) -> x509.Certificate | None:
    return next((each for each in parse.certificates(data, "answer") if issued_by(certificate, each)), None)


def urls(certificate: x509.Certificate) -> list[str]:
    """Return all URLs at which a certificate says that its issuer's can be had."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, *parse.WRONG):
        return []
    return [
        each.access_location.value
        for each in access
        if each.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(each.access_location, x509.UniformResourceIdentifier)
    ]


@dataclass
class Fetcher:
    """Fetches for one search; the limits are for all its requests."""

    networks: tuple[Network, ...]
    """Those in which servers may be asked although they are not public."""
    seconds: float
    requests: int = REQUESTS

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.seconds

    def get(self, url: str) -> bytes:
        """Return the body behind a URL. Raises Refused or Away."""
        for _ in range(REDIRECTS + 1):
            body, location = self._ask(_parsed(url))
            if location is None:
                return body
            url = location
        raise Refused(f"more than {REDIRECTS} redirects")

    def _ask(self, url: SplitResult) -> tuple[bytes, str | None]:
        """Return the body, or where a redirect leads."""
        self.requests -= 1
        if self.requests < 0:
            raise Refused(f"more than {REQUESTS} requests")
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        client = http.client.HTTPConnection(url.hostname or "", PORTS[url.scheme])
        try:
            with self._connection(url) as connection:
                wire = _Wire(connection, self._left)
                client.sock = wire  # pinned: the client itself would resolve the name again
                client.request("GET", path, headers={"Host": url.netloc, "Connection": "close", "Accept": "*/*"})
                answer = client.getresponse()
                wire.answered = True
                return _body(answer, url.geturl())
        except OSError as error:
            raise Away(f"{url.hostname}: {error}") from error
        except (http.client.HTTPException, ValueError) as error:
            raise Refused(f"not an answer of HTTP: {type(error).__name__}") from error

    def _connection(self, url: SplitResult) -> socket.socket:
        host, port = url.hostname or "", url.port or PORTS[url.scheme]
        found = self._resolve(host, port)
        allowed = [each for each in found if self._may_ask(ipaddress.ip_address(each))]
        if not allowed:
            raise Refused(f"{host} has no public address: {', '.join(found)}")
        plain = socket.create_connection((allowed[0], port), self._left())
        if url.scheme == "http":
            return plain
        with plain:  # wrapped, it is another object's; else it is closed here
            return ssl.create_default_context().wrap_socket(plain, server_hostname=host)

    def _resolve(self, host: str, port: int) -> list[str]:
        answers: list[Any] = []

        def look_up() -> None:
            try:
                answers.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                answers.append(error)

        # The resolver knows no deadline; a thread in which it hangs is abandoned.
        thread = threading.Thread(target=look_up, daemon=True)
        thread.start()
        thread.join(self._left())
        if not answers or isinstance(answers[0], Exception):
            raise Away(f"{host}: {answers[0] if answers else 'its name is not resolved'}")
        return list(dict.fromkeys(each[4][0].partition("%")[0] for each in answers))

    def _may_ask(self, address: Address) -> bool:
        return any(address in each for each in self.networks) or all(map(_public, _meant(address)))

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Away(f"no answer within {self.seconds:.0f} seconds")
        return left


class _Wire(io.RawIOBase):
    """A connection where `http.client` expects its socket: each byte is counted, each wait ends at the deadline.

    The timeout of a socket alone would begin again with every byte.
    """

    def __init__(self, connection: socket.socket, left: Callable[[], float]) -> None:
        self._connection, self._left, self._count = connection, left, 0
        self.answered = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(self._left())
        try:
            size = self._connection.recv_into(buffer)
        except TimeoutError:
            if not self.answered:
                raise
            return 0  # a server that leaves the connection open may have sent all: `http.client` knows the length
        self._count += size
        if self._count > LIMIT:
            raise Refused(f"more than {LIMIT} bytes")
        return size

    def makefile(self, *_: object) -> io.BufferedReader:
        return _Buffer(self)

    def sendall(self, data: bytes) -> None:
        self._connection.sendall(data)

    def close(self) -> None:
        """Leave it open for the body; who opened the connection closes it."""


class _Buffer(io.BufferedReader):
    """Reads no more at once than an answer may have: `http.client` asks for as much as the answer claims to have."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size if size is None else min(size, LIMIT + 1))


def _body(answer: http.client.HTTPResponse, url: str) -> tuple[bytes, str | None]:
    location = answer.getheader("Location")
    if answer.status in {301, 302, 303, 307, 308} and location is not None:
        return b"", urljoin(url, location)
    if answer.status >= 500:
        raise Away(f"status {answer.status}")
    if answer.status != 200:
        raise Refused(f"status {answer.status}")
    try:
        return answer.read(), None
    except (http.client.HTTPException, ValueError) as error:
        raise Away("the answer was cut off") from error


def _parsed(url: str) -> SplitResult:
    try:
        found = urlsplit(url)
        good = found.scheme in PORTS and found.hostname and found.username is None and found.port != 0
        good = good and url.isascii() and url.isprintable() and " " not in url
    except ValueError:
        good = False
    if not good:
        raise Refused("not a plain http or https URL")
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
        return True  # the address that it stands for is checked
    if any(address in each for each in TRANSLATED):
        return False
    return address.is_global and not address.is_multicast and not getattr(address, "is_site_local", False)
