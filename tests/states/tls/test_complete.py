"""Fetching from a stranger's server: where it may be asked, and how little of its time and bytes is taken."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from states.tls import complete
from states.tls.complete import Away, Fetcher, Refused
from tests.states.tls.authority import NOW, inter, issue, leaf, root
from tests.states.tls.responder import ADDRESS, AWAY, Responder, ok, responder

HERE = (ipaddress.ip_network("127.0.0.1/32"),)
REASONS = {
    "/endless": "more than", "/endless-head": "HTTPException", "/to-itself": "redirects", "/to-file": "not a plain",
    "/to-metadata": "no public address", "/to-private": "no public address", "/to-mapped": "no public address",
    "/absent": "404", "/rubbish": "not an answer of HTTP",
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[Responder]:
    """Run a CA's server on loopback."""
    with responder() as made:
        yield made


def fetcher(seconds: float = 5.0, requests: int = complete.REQUESTS) -> Fetcher:
    """Return a fetcher that may ask here, with little patience."""
    return Fetcher(HERE, seconds, requests)


@pytest.mark.parametrize("path", REASONS)
def test_refused_for_its_own_reason(path: str, server: Responder) -> None:
    """Each enemy is refused for what it does, not by chance."""
    with pytest.raises(Refused, match=REASONS[path]):
        fetcher().get(server.url(path))


@pytest.mark.parametrize("path", AWAY)
def test_away(path: str, server: Responder) -> None:
    """What is slow, failing or cut off may be better another time."""
    with pytest.raises(Away):
        fetcher(0.3).get(server.url(path))


def test_a_bomb_is_not_unpacked(server: Responder) -> None:
    """A compressed answer comes as it is, however large it would be."""
    found = fetcher().get(server.url("/bomb"))
    assert found.startswith(b"\x1f\x8b")
    assert len(found) < complete.LIMIT


@pytest.mark.parametrize("answer", [ok(b"whole"), b"HTTP/1.1 200 OK\r\n\r\nwhole"], ids=["with its length", "without"])
def test_an_open_connection_is_no_hindrance(answer: bytes, server: Responder) -> None:
    """A complete answer is taken although the server does not hang up; without a length when the time is over."""

    def stay(peer: socket.socket) -> None:
        peer.sendall(answer)
        peer.recv(1)

    server.answers["/stay"] = stay
    assert fetcher(0.3).get(server.url("/stay")) == b"whole"


def test_the_budget_is_for_all_requests(server: Responder) -> None:
    """After so many requests nothing is asked any more, whatever is named."""
    several = fetcher(requests=2)
    for _ in range(2):
        with pytest.raises(Refused, match="404"):
            several.get(server.url("/absent"))
    with pytest.raises(Refused, match="more than"):
        several.get(server.url("/absent"))
    assert server.asked == ["/absent"] * 2


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1", "224.0.0.1",
        "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:10.0.0.1",
        "::ffff:169.254.169.254", "2002:7f00:1::", "2002:a9fe:a9fe::1", "64:ff9b::a9fe:a9fe", "2001:db8::1",
    ],
)  # fmt: skip
def test_not_public(address: str) -> None:
    """Private, loopback, link-local, multicast and reserved addresses are not asked, in whatever clothes."""
    assert not Fetcher((), 5)._may_ask(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_public(address: str) -> None:
    """Public addresses may be asked."""
    assert Fetcher((), 5)._may_ask(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    ["", "file:///etc/passwd", "ftp://x/y", "ldap://x/y", "http://", "http:///x", "http://me@x/", "http://x:0/",
     "http://x:99999/", "http://x/a b", "http://x/\r\nHost: y", "http://[::1/", "HTTP://ümläut/"],
)  # fmt: skip
def test_not_plain(url: str) -> None:
    """Other schemes, credentials, impossible ports and what would split a request are refused before any look-up."""
    with pytest.raises(Refused):
        Fetcher((), 5).get(url)


def test_a_name_is_resolved_once(server: Responder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection goes to the address that was checked: a name that answers otherwise next time gains nothing."""
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def rebinding(host: str, port: int, *rest: Any, **options: Any) -> Any:
        if host != "ca.example.org":
            return resolve(host, port, *rest, **options)
        asked.append(host)
        goal = ADDRESS if len(asked) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (goal, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    server.publish("/ca", b"body")
    url = server.url("/ca").replace(ADDRESS, "ca.example.org")
    assert fetcher().get(url) == b"body"
    assert asked == ["ca.example.org"]
    with pytest.raises(Refused, match=r"no public address: 127\.0\.0\.2"):
        fetcher().get(url)


def test_a_resolver_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolving a name is within the deadline too."""
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [release.wait(30)][1:])
    with pytest.raises(Away, match="not resolved"):
        fetcher(0.1).get("http://ca.example.org/")
    release.set()


def test_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An https address is asked by TLS, and its server's certificate must verify for the name."""
    (tmp_path / "pair.pem").write_bytes(leaf().key_pem + leaf().pem + inter().pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pair.pem")

    def answer(listener: socket.socket) -> None:
        plain, _ = listener.accept()
        try:
            with context.wrap_socket(plain, server_side=True) as secured:
                secured.recv(4096)
                secured.sendall(ok(b"secured"))
        except OSError:
            plain.close()

    with socket.create_server((ADDRESS, 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        with pytest.raises(Away, match="certificate verify failed"):
            fetcher().get(f"https://{ADDRESS}:{listener.getsockname()[1]}/")
        thread.join(5)


def test_what_was_fetched_is_kept(server: Responder, tmp_path: Path) -> None:
    """The second search for the same issuer asks nobody; what was spoilt on the volume is fetched again."""
    url = server.publish("/inter", inter().pem)
    linked = issue("server", inter(), urls=(url,)).certificate
    for spoil, count in ((False, 1), (False, 1), (True, 2)):
        if spoil:
            for kept in tmp_path.glob("aia/*"):
                kept.write_bytes(root().pem)
        search = complete.Search(fetcher().get, tmp_path / "aia", NOW, lambda _line: None)
        search.complete(linked, [], [root().certificate])
        assert search.found == [inter().certificate]
        assert len(server.asked) == count


def test_nothing_is_asked_without_need(server: Responder, tmp_path: Path) -> None:
    """A chain that was supplied whole is not looked for, though addresses are named."""
    linked = issue("server", inter(), urls=(server.publish("/inter", inter().pem),)).certificate
    complete.Search(fetcher().get, tmp_path, NOW, lambda _line: None).complete(
        linked, [inter().certificate], [root().certificate]
    )
    assert server.asked == []
