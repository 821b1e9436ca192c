"""The server's name inside the Ubuntu, and how names are resolved there at first."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states import server
from states.bootstrap import codes, names, resolver
from states.bootstrap import identity as first_look
from states.install.identity import canonical
from states.ubuntu import container
from states.ubuntu.addresses import Addresses
from tests.states.bootstrap.ubuntu import mark
from tests.support import make_context
from zflow.api import Code, Context, OperatorError

NAME = "mail.example.org"
BOTH = Addresses(("10.0.0.2", "fd00::2"), six=True)
BLOCK = names.block(NAME, "container", BOTH)
LINES = st.lists(st.sampled_from([names.BEGIN, names.END, "10.9.9.9 printer", "# comment", ""]), max_size=8)


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context for the server at two addresses."""
    (tmp_path / "etc").mkdir()
    monkeypatch.setattr(names, "addresses", lambda: BOTH)
    monkeypatch.setattr(container, "HOSTS", tmp_path / "container")
    return make_context(tmp_path, server.SETTINGS, {"ZFLOW_HOSTNAME": NAME})


def test_full_name_comes_first() -> None:
    """By each of its names the server is found under its full one, never on a line of 127.0.0.1."""
    for asked in ("mail", "container", NAME):
        assert canonical(BLOCK, asked) == NAME
    assert [line for line in BLOCK.splitlines() if line.startswith("127.")] == ["127.0.0.1 localhost"]


@pytest.mark.parametrize("six", [True, False])
def test_loopback_of_ipv6(six: bool) -> None:
    """::1 is named only where the container has it."""
    assert ("::1 localhost" in names.block(NAME, "c", Addresses(("10.0.0.2",), six))) == six


def test_no_network() -> None:
    """Without any address the name stands at 127.0.1.1."""
    assert f"127.0.1.1 {NAME} mail\n" in names.block(NAME, NAME, Addresses((), six=False))


@given(LINES, LINES)
def test_operators_lines_stay(before: list[str], after: list[str]) -> None:
    """Lines outside the marked part are kept in order; a second look changes nothing."""
    own = [line for line in (*before, *after) if line not in {names.BEGIN, names.END}]
    text = "".join(f"{line}\n" for line in own)
    first = names.with_block(text, BLOCK)
    assert first == BLOCK + text
    assert (
        names.with_block(first, BLOCK.replace("10.0.0.2", "10.0.0.3")) == BLOCK.replace("10.0.0.2", "10.0.0.3") + text
    )
    damaged = names.with_block("\n".join([*before, *after]), BLOCK)
    assert names.with_block(damaged, BLOCK) == damaged


def test_files(ctx: Context) -> None:
    """Both files are written, an operator's line stays byte for byte in whatever encoding, a drift is seen."""
    hosts = ctx.volume / "etc/hosts"
    hosts.write_bytes(b"10.9.9.9 printer # K\xfcche\n")
    assert names.probe(ctx) is None
    names.apply(ctx)
    assert names.probe(ctx) is not None
    assert hosts.read_bytes().endswith(b"10.9.9.9 printer # K\xfcche\n")
    assert (ctx.volume / "etc/hostname").read_text() == f"{NAME}\n"
    hosts.write_bytes(hosts.read_bytes().replace(b"10.0.0.2", b"10.0.0.9"))
    assert names.probe(ctx) is None


ENGINES = {
    "podman": (
        "127.0.0.1\tlocalhost localhost.localdomain\n::1\tlocalhost localhost.localdomain\n"
        "192.0.2.9\tsmarthost.intranet\n10.88.0.1\thost.containers.internal host.docker.internal\n"
        f"10.0.0.2\t{NAME} zimbra\n",
        (
            ("192.0.2.9", ("smarthost.intranet",)),
            ("10.88.0.1", ("host.containers.internal", "host.docker.internal")),
            ("10.0.0.2", ("zimbra",)),
        ),
    ),
    "docker": (
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\n"
        "ff02::1\tip6-allnodes\n2001:db8::9\tldap.intranet\n10.0.0.2\tmail.example.org mail\n",
        (("2001:db8::9", ("ldap.intranet",)),),
    ),
    "kubernetes": (
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\nfe00::0\tip6-mcastprefix\n10.0.0.2\tmail\n\n"
        "# Entries added by HostAliases.\n192.0.2.9\tldap.intranet\tsmarthost.intranet # both\n",
        (("192.0.2.9", ("ldap.intranet", "smarthost.intranet")),),
    ),
    "somebody's": (f"192.0.2.66 {NAME} MAIL localhost\nno-address x\n192.0.2.7\n", ()),
}


@pytest.mark.parametrize("engine", ENGINES)
def test_names_of_the_engine(ctx: Context, engine: str) -> None:
    """What the engine gives exists inside, but for standard names and where this server itself is to be found."""
    content, expected = ENGINES[engine]
    assert container.given_by_engine(content, container.own_names(NAME, "mail")) == expected
    names.apply(ctx)
    container.HOSTS.write_text(content)
    assert (names.probe(ctx) is None) == bool(expected)
    names.apply(ctx)
    assert names.probe(ctx) is not None
    text = (ctx.volume / "etc/hosts").read_text()
    assert all(f"\n{address} {' '.join(others)}\n" in text for address, others in expected)
    assert canonical(text, NAME) == NAME
    container.HOSTS.unlink()
    assert names.probe(ctx) is None or not expected
    names.apply(ctx)
    assert "192.0.2" not in (ctx.volume / "etc/hosts").read_text()


def test_hosts_from_an_editor_of_windows(ctx: Context) -> None:
    """zflow's part is known by its marks, with whatever line ends: an old address does not stay beside the new."""
    names.apply(ctx)
    hosts = ctx.volume / "etc/hosts"
    text = hosts.read_text().replace("10.0.0.2", "10.0.0.9") + "10.9.9.9 printer\n"
    hosts.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    names.apply(ctx)
    assert "10.0.0.9" not in hosts.read_text()
    assert hosts.read_bytes().endswith(b"10.9.9.9 printer\r\n")
    assert hosts.read_text().count(names.BEGIN) == 1


def test_hosts_that_is_a_link(ctx: Context) -> None:
    """A link instead of the file is replaced, not followed."""
    (ctx.volume / "elsewhere").write_text("10.9.9.9 printer\n")
    (ctx.volume / "etc/hosts").symlink_to("../elsewhere")
    names.apply(ctx)
    assert names.probe(ctx) is not None
    assert (ctx.volume / "elsewhere").read_text() == "10.9.9.9 printer\n"


@pytest.mark.parametrize(
    ("environment", "domain", "admin"),
    [
        ({}, "example.org", "admin@example.org"),
        ({"ZFLOW_MAIL_DOMAIN": "Example.NET"}, "example.net", "admin@example.net"),
        ({"ZFLOW_ADMIN": "boss@example.com"}, "example.org", "boss@example.com"),
        ({"ZFLOW_HOSTNAME": "example.org"}, "example.org", "admin@example.org"),
        ({"ZFLOW_HOSTNAME": "a.b.example.org"}, "b.example.org", "admin@b.example.org"),
    ],
)
def test_identity(tmp_path: Path, environment: dict[str, str], domain: str, admin: str) -> None:
    """What is not set follows from the server's name; a name of two labels is its own domain."""
    ctx = make_context(tmp_path, server.SETTINGS, {"ZFLOW_HOSTNAME": NAME, **environment})
    assert (server.mail_domain(ctx), server.admin_address(ctx)) == (domain, admin)


def test_name_without_a_domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container without a full name is refused at the first look; a set name helps."""
    monkeypatch.setattr(socket, "gethostname", lambda: "4F2A")
    ctx = make_context(tmp_path, server.SETTINGS)
    assert first_look.probe(ctx) is None
    with pytest.raises(OperatorError) as caught:
        first_look.apply(ctx)
    assert caught.value.code is codes.SERVER_NAME
    assert "'4f2a'" in caught.value.detail
    assert first_look.probe(make_context(tmp_path, server.SETTINGS, {"ZFLOW_HOSTNAME": NAME})) is not None


@pytest.mark.parametrize(
    ("host", "settings", "expected"),
    [
        ("mail.example.org.", {}, (None, "server name mail.example.org")),
        ("mail_1.example.org", {}, (codes.SERVER_NAME, "the container's host name: 'mail_1.example.org' is not")),
        ("203.0.113.5", {}, (codes.SERVER_NAME, "it is an IPv4 address")),
        (f"{'m' * 53}.example.org", {}, (codes.SERVER_NAME, "has 65 characters; a certificate's common name takes 64")),
        (f"{'m' * 52}.example.org", {}, (None, "server name mmm")),
        ("example.co.uk", {}, (codes.MAIL_DOMAIN, "gives the mail domain co.uk; set ZFLOW_MAIL_DOMAIN=example.")),
        ("mine.duckdns.org", {}, (codes.MAIL_DOMAIN, "duckdns.org")),
        ("example.co.uk", {"ZFLOW_MAIL_DOMAIN": "example.co.uk"}, (None, "server name example.co.uk")),
        ("mail.duckdns.org", {"ZFLOW_MAIL_DOMAIN": "duckdns.org"}, (None, "server name mail.duckdns.org")),
        ("mail.example.co.uk", {}, (None, "server name mail.example.co.uk")),
        ("mail.lan", {}, (None, "server name mail.lan")),
        ("mail.corp.internal", {}, (None, "server name mail.corp.internal")),
    ],
)
def test_the_first_look(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    settings: dict[str, str],
    expected: tuple[Code | None, str],
) -> None:
    """A name that cannot be lived under for good is refused before anything is downloaded, with what is wrong."""
    code, words = expected
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    ctx = make_context(tmp_path, server.SETTINGS, settings)
    found = first_look.probe(ctx)
    if code is None:
        assert found is not None
        assert found.summary.startswith(words)
        return
    assert found is None
    with pytest.raises(OperatorError) as caught:
        first_look.apply(ctx)
    assert (caught.value.code, words in caught.value.detail) == (code, True)


def test_an_installed_server_keeps_its_domain(tmp_path: Path) -> None:
    """What an earlier zflow accepted does not stop a server that serves."""
    ctx = make_context(tmp_path, server.SETTINGS, {"ZFLOW_HOSTNAME": "example.co.uk"})
    assert first_look.probe(ctx) is None
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/zflow-release").write_text(mark().render())
    assert first_look.probe(ctx) is not None


@pytest.mark.parametrize(
    ("content", "own"),
    [
        ("nameserver 127.0.0.1\nnameserver 10.0.0.1\n", True),
        ("# nameserver 10.0.0.1\nsearch x\nnameserver ::1\n", True),
        ("nameserver 10.0.0.1\nnameserver 127.0.0.1\n", False),
        ("nameserver 127.0.0.11\n", False),
        ("nameserver 127.0.0.53\n", False),
        ("nameserver\noptions ndots:0\n", False),
        ("", False),
    ],
)
def test_own_dns(content: str, own: bool) -> None:
    """Only the server's own DNS is recognised; the resolver of an engine (Docker's, systemd's) is not ours."""
    assert resolver.is_own_dns(content) == own


def test_resolver(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """The container's file is copied, again when it changes, and the server's own DNS is left alone."""
    path = ctx.volume / "container.conf"
    monkeypatch.setattr(container, "RESOLVER", path)
    assert container.container_resolver() == ""
    for address in ("127.0.0.11", "10.0.0.1"):
        path.write_text(f"nameserver {address}\n")
        assert resolver.probe(ctx) is None
        resolver.apply(ctx)
        evidence = resolver.probe(ctx)
        assert evidence is not None
        assert address in evidence.summary
    (ctx.volume / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    assert resolver.probe(ctx) is not None
    path.write_bytes(b"# K\xfcche\r\nnameserver 10.0.0.3\r\n")
    (ctx.volume / "etc/resolv.conf").write_bytes(b"# K\xfcche\n")
    assert resolver.probe(ctx) is None
    resolver.apply(ctx)
    assert container.nameservers((ctx.volume / "etc/resolv.conf").read_text()) == ["10.0.0.3"]
