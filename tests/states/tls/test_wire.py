"""On the wire: a real nginx and a real postfix with the deployed files, asked by openssl and testssl.sh."""

from __future__ import annotations

import csv
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rehearsal.standin import HERE as STANDIN
from states.tls import codes, deployed, dh_deployed, group, handshake, hsts
from states.zimbra import directory, restarts
from tests.engine.where import wait_for
from tests.states.tls.authority import HOST, Issued, ec_key, inter, issue, rsa_key
from tests.states.tls.parameters import ffdhe4096
from tests.states.tls.responder import ADDRESS
from tests.states.tls.servers import MAIL_MODULE, NEEDED, Nginx, Postfix, folder
from tests.states.tls.zimbra import Crash, Zimbra, der, lay, make_host, walk
from zflow.api import Context, Drift, Evidence, OperatorError, Result, TransientError

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(bool(NEEDED), reason=f"not installed: {', '.join(NEEDED)}"),
    pytest.mark.skipif(not MAIL_MODULE.exists(), reason="not installed: nginx's mail module"),
]
HEADER = f"{hsts.HEADER}: max-age=300"
VENDORS = STANDIN / "packages/zimbra-core/root/opt/zimbra/conf/dhparam.pem.zcs"
"""Parameters of 2048 bits, such as a new server has."""
TODAY = datetime.now(UTC)
HANDSHAKE = handshake.served


@cache
def renewed(name: str) -> Issued:
    """Return a certificate that is valid today."""
    return issue(name, inter(), key=rsa_key(name), begin=TODAY - timedelta(days=1))


class Real(Zimbra):
    """A Zimbra whose proxy and MTA are real."""

    nginx: Nginx
    postfix: Postfix

    stored = ""
    """The Diffie-Hellman parameters that the directory holds."""
    proxied = "TRUE"
    """Whether web, IMAP and POP are the proxy's, by the directory."""

    def chroot(self, *argv: str, user: str | None = None, **options: Any) -> Result:
        """Tell besides which ports are the proxy's."""
        if argv[0] == directory.SEARCH and set(argv) & set(dh_deployed.FRONT):
            return Result(0, "".join(["dn: cn=config\n", *(f"{name}: {self.proxied}\n" for name in dh_deployed.FRONT)]))
        return super().chroot(*argv, user=user, **options)

    def _answer(self, argv: tuple[str, ...], stdin: str) -> Result:
        if argv[:3] == ("zmdhparam", "set", "-in"):
            self.stored = self.read(argv[3])
        elif argv[0].endswith("/configrewrite"):
            self.write(dh_deployed.RENDERED, self.stored)
        return super()._answer(argv, stdin)

    def _load(self, name: str) -> Result:
        if name in {"nginx", "smtpd"} and hasattr(self, "postfix"):
            good = (self.nginx if name == "nginx" else self.postfix).reload()
            return Result(0 if good else 1, "")
        return super()._load(name)


@dataclass
class Wire:
    """The servers, and a context to walk in."""

    ctx: Context
    zimbra: Real

    def supply(self, issued: Issued) -> None:
        """Supply a pair."""
        lay(self.ctx, {"zimbra.key": issued.key_pem, "zimbra.crt": inter().pem + issued.pem})

    def serves(self, issued: Issued) -> bool:
        """Tell whether every port serves this certificate."""
        return {handshake.served(port)[:1] for port in handshake.PORTS} == {(der(issued.pem),)}

    def connect(self, port: int) -> ssl.SSLSocket:
        """Connect to a port as one who trusts the root."""
        trusting = ssl.create_default_context(cafile=str(self.ctx.volume / "roots.pem"))
        return trusting.wrap_socket(socket.create_connection((ADDRESS, port), 10), server_hostname=HOST)

    def ask(self, port: int, *options: str, starttls: str = "") -> str:
        """Ask a port by openssl and return all it prints."""
        argv = ["openssl", "s_client", "-connect", f"{ADDRESS}:{port}", "-CAfile", f"{self.ctx.volume}/roots.pem"]
        argv += ["-verify_hostname", HOST, *(["-starttls", starttls] if starttls else []), *options]
        ended = subprocess.run(argv, input="", capture_output=True, text=True, timeout=60, check=False)
        return ended.stdout + ended.stderr


@contextmanager
def running() -> Iterator[Wire]:
    """Serve the old pair by real servers, which the walk reaches by its own handshakes."""
    with folder() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.states.tls.zimbra.Zimbra", Real)
        ctx, zimbra = make_host(place, patch)
        assert isinstance(zimbra, Real)
        conf, parameters = place / "opt/zimbra/conf", place / dh_deployed.RENDERED.lstrip("/")
        zimbra.write(dh_deployed.RENDERED, ffdhe4096())
        nginx, postfix = Nginx(place, conf, parameters, HEADER), Postfix(place, conf, parameters)
        patch.setattr(handshake, "PORTS", {
            nginx.https: (), nginx.imaps: (), nginx.imap: handshake.IMAP, nginx.pop: handshake.POP,
            postfix.smtp: handshake.SMTP, postfix.smtps: (), handshake.STORE: (),
        })  # fmt: skip
        patch.setattr(handshake, "served", lambda port, **how: (
            zimbra.served if port == handshake.STORE else HANDSHAKE
        )(port, **how))  # fmt: skip
        for name in ("FRONT_PATIENCE", "PATIENCE"):
            patch.setattr(deployed, name, 20.0)
        try:
            nginx.start()
            postfix.start()
            zimbra.nginx, zimbra.postfix = nginx, postfix
            made = Wire(replace(ctx, clock=TODAY.timestamp), zimbra)
            made.supply(renewed("old"))
            walk(made.ctx)
            yield made
        finally:
            nginx.stop()
            postfix.stop()


@pytest.fixture(scope="module")
def served() -> Iterator[Wire]:
    """Serve for all tests that only look."""
    with running() as made:
        yield made


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Serve for one test."""
    with running() as made:
        yield made


def test_the_chain_verifies_for_a_stranger(served: Wire) -> None:
    """Who trusts only the root verifies name and chain on every port, by TLS at once and by STARTTLS."""
    assert served.serves(renewed("old"))
    nginx, postfix = served.zimbra.nginx, served.zimbra.postfix
    for port, starttls in (
        (nginx.https, ""), (nginx.imaps, ""), (nginx.imap, "imap"), (nginx.pop, "pop3"), (postfix.smtp, "smtp"),
        (postfix.smtps, ""),
    ):  # fmt: skip
        assert "Verify return code: 0 (ok)" in served.ask(port, starttls=starttls), port


def test_versions(served: Wire) -> None:
    """TLS 1.2 and 1.3 are spoken everywhere, nothing older anywhere."""
    for port in handshake.PORTS.keys() - {handshake.STORE}:
        for version in ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1:
            assert handshake.served(port, version=version) == ()
        for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            assert handshake.served(port, version=version) != ()


@pytest.mark.parametrize("kind", ["https", "imap", "smtp"])
def test_the_group_of_4096_bits_is_used(kind: str, served: Wire) -> None:
    """Who asks for finite-field Diffie-Hellman gets ours, of 4096 bits."""
    port = getattr(served.zimbra.postfix if kind == "smtp" else served.zimbra.nginx, kind)
    starttls = "" if kind == "https" else kind
    found = served.ask(port, "-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384", starttls=starttls)
    assert "Server Temp Key: DH, 4096 bits" in found


def test_other_parameters_come_onto_the_wire(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rendered is not served: killed in between they are deployed again, and a server that does not read them is
    found out by its handshake."""
    ctx, front = wire.ctx, [port for port in handshake.PORTS if port != handshake.STORE]
    group.file(ctx).parent.mkdir(parents=True)
    group.file(ctx).write_text(ffdhe4096())
    wire.zimbra.write(dh_deployed.RENDERED, VENDORS.read_text())
    restarts.reload_front(ctx)
    wait_for(lambda: dh_deployed._others(ctx) == front, "the vendor's group on all ports")
    assert all(group.has_prime(VENDORS.read_text(), handshake.prime(port) or b"") for port in front)

    with monkeypatch.context() as patch:
        patch.setattr(restarts, "reload_front", killed)
        with pytest.raises(Crash):
            dh_deployed.apply(ctx)
    assert dh_deployed.probe(ctx) is None

    with monkeypatch.context() as patch:
        patch.setattr(wire.zimbra.postfix, "reload", lambda: True)
        patch.setattr(dh_deployed, "SERVED", 3.0)
        with pytest.raises(TransientError) as caught:
            dh_deployed.apply(ctx)
    smtp = f"other parameters are used on {wire.zimbra.postfix.smtp}, {wire.zimbra.postfix.smtps}"
    assert (caught.value.code, caught.value.detail) == (codes.DH_NOT_TAKEN, smtp)

    dh_deployed.apply(ctx)
    assert all(group.has_prime(ffdhe4096(), handshake.prime(port) or b"") for port in front)
    assert isinstance(dh_deployed.audit(ctx), Evidence)
    assert "ldap restart" in wire.zimbra.commands
    wire.zimbra.write(dh_deployed.RENDERED, VENDORS.read_text())
    restarts.reload_front(ctx)
    wait_for(lambda: dh_deployed._others(ctx) == front, "the vendor's group again")
    wire.zimbra.write(dh_deployed.RENDERED, group.file(ctx).read_text())
    assert isinstance(dh_deployed.audit(ctx), Drift)

    # Where the mail store has these ports itself, Java's own groups stop nothing.
    nginx = wire.zimbra.nginx
    ports = ((nginx.https,), (nginx.imaps, nginx.imap, nginx.pop))
    monkeypatch.setattr(dh_deployed, "FRONT", dict(zip(dh_deployed.FRONT, ports, strict=True)))
    monkeypatch.setattr(nginx, "reload", lambda: True)
    wire.zimbra.proxied = "FALSE"
    dh_deployed.apply(ctx)
    assert isinstance(dh_deployed.audit(ctx), Evidence)
    assert group.has_prime(VENDORS.read_text(), handshake.prime(nginx.imap) or b"")


def killed(_ctx: Context) -> None:
    """Stand for a kill of the walker."""
    raise Crash


@pytest.mark.parametrize("suite", ["eNULL", "aNULL"])
def test_no_weak_suite(suite: str, served: Wire) -> None:
    """What does not encrypt, or does not say who it is, is spoken by none; what openssl forgot, testssl.sh tries."""
    nginx, postfix = served.zimbra.nginx, served.zimbra.postfix
    for port, starttls in ((nginx.https, ""), (nginx.imaps, ""), (postfix.smtp, "smtp")):
        found = served.ask(port, "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0", starttls=starttls)
        assert "Cipher is (NONE)" in found, found


@pytest.mark.parametrize("suite", ["kRSA", "SHA1", "SHA256+AES"])
def test_web_and_mailboxes_have_secrecy_and_authentication(suite: str, served: Wire) -> None:
    """The proxy speaks no suite without forward secrecy or without authenticated encryption."""
    for port in (served.zimbra.nginx.https, served.zimbra.nginx.imaps):
        found = served.ask(port, "-tls1_2", "-cipher", f"{suite}:-AESGCM:-CHACHA20:@SECLEVEL=0")
        assert "Cipher is (NONE)" in found, found


def test_hsts_is_where_it_should_be(served: Wire) -> None:
    """The header as the step writes it is one that nginx sends."""
    with served.connect(served.zimbra.nginx.https) as secured:
        secured.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert f"\r\n{HEADER}\r\n".encode() in secured.recv(4096)


def test_a_renewal_keeps_connections(wire: Wire) -> None:
    """A connection to a mailbox lives on through a deploy, while new ones meet the new certificate."""
    with wire.connect(wire.zimbra.nginx.imaps) as secured:
        assert secured.recv(4096).startswith(b"* OK")
        wire.supply(renewed("new"))
        walk(wire.ctx)
        secured.sendall(b"a NOOP\r\n")
        assert secured.recv(4096).startswith(b"a OK")
    assert wire.serves(renewed("new"))


def test_an_elliptic_pair(wire: Wire) -> None:
    """An EC pair is deployed and served like any other."""
    wire.supply(issue("ec", inter(), key=ec_key("wire"), begin=TODAY - timedelta(days=1)))
    walk(wire.ctx)
    assert "Verify return code: 0 (ok)" in wire.ask(wire.zimbra.nginx.https)


def test_killed_at_each_point(wire: Wire) -> None:
    """Killed at points all over a deploy, real servers serve the old or the new pair, and after a walk the new one."""
    old, new = renewed("old"), renewed("new")
    for number in range(1, 1000, 7):
        wire.supply(old)
        walk(wire.ctx)
        wire.supply(new)
        wire.zimbra.points, wire.zimbra.crash_at = 0, number
        try:
            walk(wire.ctx)
            break
        except Crash:
            wire.zimbra.crash_at = None
        served = {handshake.served(port)[:1] for port in handshake.PORTS}
        assert served <= {(der(old.pem),), (der(new.pem),)}
        walk(wire.ctx)
        assert wire.serves(new)
    assert number > 30


def test_a_pair_that_postfix_does_not_take_is_rolled_back(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the MTA goes on with the old pair, all go on with it."""
    monkeypatch.setattr(deployed, "FRONT_PATIENCE", 5.0)
    monkeypatch.setattr(wire.zimbra.postfix, "reload", lambda: True)
    conf = wire.ctx.volume / "opt/zimbra/conf"
    before = (conf / "smtpd.crt").read_text()
    monkeypatch.setattr(wire.zimbra, "write", keeping(wire.zimbra, "smtpd"))
    wire.supply(renewed("new"))
    with pytest.raises(OperatorError):
        walk(wire.ctx)
    assert (conf / "smtpd.crt").read_text() == before
    assert wire.serves(renewed("old"))


def keeping(zimbra: Zimbra, name: str) -> Callable[[str, str], None]:
    """Return a way of writing that leaves one server's files alone."""
    write = zimbra.write

    def kept(path: str, content: str) -> None:
        if f"/{name}." not in path:
            write(path, content)

    return kept


FINDINGS = {
    "SSLv2": "not offered", "SSLv3": "not offered", "TLS1": "not offered", "TLS1_1": "not offered",
    "TLS1_2": "offered", "TLS1_3": "offered with final", "cipherlist_NULL": "not offered",
    "cipherlist_aNULL": "not offered", "cipherlist_EXPORT": "not offered", "cipherlist_LOW": "not offered",
    "cipherlist_3DES_IDEA": "not offered", "cipherlist_STRONG": "offered", "PFS": "offered", "DH_groups": "ffdhe4096",
    "cert_chain_of_trust": "passed.", "certs_list_ordering_problem": "no",
}  # fmt: skip
"""What testssl.sh 3.0 must say of every port."""
OF_THE_WEB = {"cipherlist_AVERAGE": "not offered", "HSTS_subdomains": "only for this domain"}
"""And of the web: senders of mail would go on in the clear without suites of CBC, browsers need none."""


@pytest.mark.skipif(not shutil.which("testssl"), reason="not installed: testssl.sh")
@pytest.mark.parametrize("kind", ["https", "imap", "smtp"])
def test_testssl(kind: str, served: Wire, tmp_path: Path) -> None:
    """testssl.sh finds TLS 1.2 and 1.3 only, the chain whole, our group in use, no weak suite, HSTS on the web."""
    report = tmp_path / "report.csv"
    argv = [
        "testssl",
        "--quiet",
        "--color",
        "0",
        "--csvfile",
        str(report),
        "--add-ca",
        f"{served.ctx.volume}/roots.pem",
    ]
    argv += ["--protocols", "--std", "--fs", "--server-defaults"]
    argv += ["--headers"] if kind == "https" else ["--starttls", kind]
    port = getattr(served.zimbra.postfix if kind == "smtp" else served.zimbra.nginx, kind)
    subprocess.run([*argv, f"{ADDRESS}:{port}"], capture_output=True, timeout=600, check=False)
    found = {row["id"]: row["finding"] for row in csv.DictReader(report.read_text().splitlines())}
    wanted = FINDINGS | (OF_THE_WEB if kind == "https" else {})
    assert {name: found.get(name) for name in wanted} == wanted
    assert kind != "https" or "300 seconds" in found["HSTS_time"]
