"""Names under which the proxy answers: a real nginx on what the stand-in renders, with a list of names and without."""

from __future__ import annotations

import http.server
import re
import shlex
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.standin.runtime import proxyconf, store
from states.tls import handshake, names
from states.tls.settings import SETTINGS
from states.ubuntu.addresses import Addresses
from states.zimbra.networks import MODE, STRICT
from tests.engine.where import wait_for
from tests.states.hardening import server as tools
from tests.states.hardening.server import Server
from tests.states.tls.authority import issue
from tests.states.tls.servers import MAIL_MODULE, free_ports, listens
from zflow.api import Context, Drift, Evidence, Result

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not NGINX or not MAIL_MODULE.exists(), reason="not installed: nginx, its mail module"),
]
OWN, ALIAS, THEIRS, OTHER = "mail.example.test", "imap.example.test", "webmail.example.test", "other.example.test"
SERVER = f"server/{OWN}"
ELSEWHERE = "203.0.113.5"
"""Where a public name leads behind a published port: no address of this machine; RFC 5737."""
RESOLVE = socket.getaddrinfo


class Webmail(http.server.BaseHTTPRequestHandler):
    """What stands behind the proxy."""

    def do_HEAD(self) -> None:
        """Answer every page."""
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


class Proxied(Server):
    """A server of the stand-in's tools, whose proxy is a real nginx."""

    def __init__(self, volume: Path, monkeypatch: pytest.MonkeyPatch, webmail: int) -> None:
        super().__init__(volume, monkeypatch)
        self.https, http_port, *mail = free_ports(6)
        named = ("ImapProxyBind", "ImapSSLProxyBind", "Pop3ProxyBind", "Pop3SSLProxyBind")
        ports = {
            "MailSSLProxy": self.https,
            "MailProxy": http_port,
            "Mail": webmail,
            **dict(zip(named, mail, strict=True)),
        }
        with store.opened(write=True) as directory:
            directory.create(SERVER, {f"zimbra{name}Port": [str(port)] for name, port in ports.items()})
            directory.entries["config"]["zimbraDefaultDomainName"] = ["example.test"]
        home = volume / "opt/zimbra"
        (home / "data/tmp/nginx").mkdir()
        certificate = issue("self-signed")
        (home / "conf/nginx.crt").write_bytes(certificate.pem)
        (home / "conf/nginx.key").write_bytes(certificate.key_pem)
        self.run_tool("zmlocalconfig", "-e", f"zimbra_server_hostname={OWN}")

    address = handshake.LOCAL
    """Where nginx listens."""
    added = ""
    """Directives of the operator's for all servers."""
    configd = True
    """Whether zmconfigd renders on a request."""
    restarts = 0

    def prov(self, *words: str) -> None:
        """Change something by the vendor's tool, as an operator does."""
        code, output = self.run_tool("zmprov", *words)
        assert code == 0, output

    def entry(self, key: str) -> dict[str, list[str]]:
        """Return an entry of the directory."""
        with store.opened() as directory:
            return directory.entries[key]

    def render(self) -> None:
        """Write nginx's configuration from the attributes."""
        with store.opened() as directory:
            text = proxyconf.nginx(lambda name: directory.value(SERVER, name))
        text = text.replace("/opt/zimbra", f"{self.volume}/opt/zimbra").replace("user zimbra zimbra;", "")
        text = text.replace("server_tokens off;", self.added)
        (self.volume / names.RENDERED.lstrip("/")).write_text(text)

    def nginx(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Call nginx on that configuration."""
        argv = [str(NGINX), "-p", str(self.volume), "-c", names.RENDERED.lstrip("/"), *words]
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)

    def chroot(self, *argv: str, user: str | None = None, **options: object) -> Result:
        """Have the proxy follow what is rendered."""
        code, output = 0, ""
        if argv[0].startswith("zmproxyctl"):
            code = 0 if self.restart() else 1
        elif argv[0].endswith("configrewrite") and self.configd:
            self.render()
        elif argv[0] == names.NGINX:
            tried = self.nginx(*argv[1:2])
            code, output = tried.returncode, tried.stderr
        told = super().chroot(*argv, user=user, **options)
        return Result(code, output) if code else told

    def restart(self) -> bool:
        """Stop, render, and start nginx where it is whole; tell whether it runs, as zmproxyctl does."""
        self.restarts += 1
        self.stop()
        self.render()
        if proxyconf.fault((self.volume / names.RENDERED.lstrip("/")).read_text()) or self.nginx().returncode:
            return False
        wait_for(lambda: listens(self.https, self.address), "nginx")
        return True

    def stop(self) -> None:
        """End nginx, and wait until it is gone."""
        pid = self.volume / "opt/zimbra/log/nginx.pid"
        if pid.exists() and pid.read_text():  # a look at the configuration leaves an empty one
            self.nginx("-s", "stop")
            wait_for(lambda: not pid.exists(), "the end of nginx")

    def answers(self, *asked: str) -> list[int | None]:
        """Return what the proxy answers under these names."""
        return [handshake.status(self.address, self.https, each) for each in asked]


@pytest.fixture
def proxied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxied]:
    """Return a server with a webmail behind its proxy, which is not started yet."""
    monkeypatch.setattr(tools, "TABLE", (*tools.TABLE, *SETTINGS))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webmail) as webmail:
        threading.Thread(target=webmail.serve_forever, daemon=True).start()
        made = Proxied(tmp_path, monkeypatch, webmail.server_address[1])
        monkeypatch.setattr(names, "HTTPS", made.https)
        lead(monkeypatch, {})
        yield made
        made.stop()
        webmail.shutdown()


def lead(monkeypatch: pytest.MonkeyPatch, to: dict[str, tuple[str, ...]]) -> None:
    """Have names of the mail domain lead there, and the others nowhere."""

    def resolve(name: Any, *rest: Any, **options: Any) -> Any:
        if str(name).endswith(".example.test") and name not in to:
            raise socket.gaierror
        return [found for each in to.get(name, (name,)) for found in RESOLVE(each, *rest, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def looked(ctx: Context) -> Evidence:
    """Return what the step sees where it has nothing to do."""
    found = names.STEP.probe(ctx)
    assert isinstance(found, Evidence)
    return found


def typed(proxied: Proxied, told: str) -> None:
    """Type what an operator is told to."""
    for line in re.findall(r"`zflow shell (.+?)`", told):
        proxied.chroot(*shlex.split(line)[-1].split(), user="zimbra")


def test_without_a_list_every_name_gets_the_webmail(proxied: Proxied) -> None:
    """As after an install: the server's own FALSE goes before the global TRUE, and nothing is written."""
    proxied.prov("ms", OWN, STRICT, "FALSE")
    proxied.restart()
    assert proxied.answers(OWN, ALIAS, OTHER) == [200, 200, 200]
    assert looked(proxied.context(tls_names=ALIAS)) == Evidence("the proxy answers every name")
    assert names.HOSTS not in proxied.entry("domain/example.test")


@pytest.mark.parametrize("address", ["", ELSEWHERE], ids=["nowhere", "to a public address"])
def test_with_a_list_the_names_of_the_certificate_get_the_webmail(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Wherever they lead. Virtual hosts of the operator's stay, other names are refused, and once is enough."""
    lead(monkeypatch, {ALIAS: (address,)} if address else {})
    proxied.prov("md", "example.test", f"+{names.HOSTS}", THEIRS)
    proxied.restart()
    assert proxied.answers(OWN, ALIAS, THEIRS, OTHER) == [200, 400, 200, 400]
    ctx = proxied.context(tls_names=f"{ALIAS},{OWN}")
    assert names.STEP.probe(ctx) is None
    names.STEP.apply(ctx)
    assert proxied.answers(OWN, ALIAS, THEIRS, OTHER) == [200, 200, 200, 400]
    assert looked(ctx) == Evidence(f"virtual hosts: {ALIAS}")
    before = proxied.entry("domain/example.test")
    assert before[names.HOSTS] == [THEIRS, ALIAS]
    names.STEP.apply(ctx)
    assert proxied.entry("domain/example.test") == before
    assert names.STEP.probe(proxied.context(tls_names=f"{ALIAS},{OTHER}")) is None


def test_what_was_cut_off_before_the_proxy_knew_is_made_again(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directory alone does not say that the proxy was told."""

    class Cut(BaseException):
        """The power is cut here."""

    def cut() -> None:
        raise Cut

    ctx = proxied.context(tls_names=ALIAS)
    monkeypatch.setattr(proxied, "restart", cut)
    with pytest.raises(Cut):
        names.STEP.apply(ctx)
    assert proxied.entry("domain/example.test")[names.HOSTS] == [ALIAS]
    assert names.STEP.probe(ctx) is None


def test_a_virtual_host_listens_where_its_name_leads(proxied: Proxied, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the vendor does with a virtual host alone: no request comes to an address that is not this machine's."""
    lead(monkeypatch, {ALIAS: (ELSEWHERE,)})
    proxied.prov("md", "example.test", f"+{names.HOSTS}", ALIAS)
    proxied.restart()
    assert proxied.answers(OWN, ALIAS) == [200, 400]


@pytest.mark.parametrize("kept", ["", f"{names.HOSTS},{names.SNI}"], ids=["addresses", "attributes"])
def test_what_the_operator_decided_is_respected(proxied: Proxied, kept: str) -> None:
    """Addresses of domains, and what zflow is to leave: a name that is refused is told, and what to type ends it."""
    address = () if kept else (names.ADDRESSES, ELSEWHERE)
    proxied.prov("md", "example.test", names.HOSTS, THEIRS, *address)
    proxied.restart()
    ctx = proxied.context(tls_names=ALIAS, keep_attributes=kept)
    names.STEP.apply(ctx)
    assert names.SNI not in proxied.entry(SERVER)
    assert (proxied.entry("domain/example.test")[names.HOSTS] == [THEIRS]) == bool(kept)
    told = looked(ctx).notices[0]
    assert told.startswith(f"the proxy answers 400 to {ALIAS}: {STRICT} is on")
    typed(proxied, told)
    assert proxied.answers(ALIAS, OTHER) == [200, 200]
    assert looked(ctx).notices == ()


def test_with_both_families_nginx_does_not_take_a_list(proxied: Proxied) -> None:
    """The vendor's template names the options of one address twice; nothing is written, and the way out is told."""
    proxied.prov("ms", OWN, MODE, "both")
    proxied.render()
    assert "duplicate listen options" in proxied.nginx("-t").stderr
    told = looked(proxied.context(tls_names=ALIAS)).notices[0]
    assert told.startswith(f"{MODE} is both: with {STRICT} nginx would not start again")
    typed(proxied, told)
    assert proxied.answers(ALIAS, OTHER) == [200, 200]


def by_ipv6(proxied: Proxied, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the server listen by IPv6 alone, at the machine's own address."""
    proxied.prov("ms", OWN, MODE, "ipv6")
    proxied.address = "::1"
    monkeypatch.setattr(names, "addresses", lambda: Addresses(("::1",), six=True))


def test_with_ipv6_alone(proxied: Proxied, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with addresses of both families is taken by its IPv6 one, as Java is told to by zmiptool."""
    lead(monkeypatch, {ALIAS: (ELSEWHERE, "2001:db8::5")})
    by_ipv6(proxied, monkeypatch)
    proxied.restart()
    ctx = proxied.context(tls_names=ALIAS)
    names.STEP.apply(ctx)
    assert proxied.answers(OWN, ALIAS, OTHER) == [200, 200, 400]
    assert looked(ctx) == Evidence(f"virtual hosts: {ALIAS}")


@pytest.mark.parametrize("configd", [True, False], ids=["seen before", "seen by the restart"])
def test_a_name_of_another_family_takes_no_proxy_down(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch, configd: bool
) -> None:
    """It would spoil the whole configuration: it is taken out again and told, and after its correction it is added."""
    proxied.prov("md", "example.test", f"+{names.HOSTS}", THEIRS)
    lead(monkeypatch, {THEIRS: ("2001:db8::6",), ALIAS: (ELSEWHERE,)})
    by_ipv6(proxied, monkeypatch)
    proxied.restart()
    proxied.configd = configd
    ctx = proxied.context(tls_names=ALIAS)
    names.STEP.apply(ctx)
    assert proxied.restarts == (1 if configd else 3)
    assert proxied.answers(OWN) == [200]
    assert proxied.entry("domain/example.test")[names.HOSTS] == [THEIRS]
    assert proxied.entry(SERVER)[names.SNI] == ["FALSE"]
    why = f"cannot be configured: {ELSEWHERE} is an IPv4 address but zimbraIPMode is 'ipv6'" if configd else "did not"
    assert looked(ctx).notices[0].startswith(f"the proxy {why}")
    assert isinstance(names.STEP.look(deep=True)(ctx), Drift)
    lead(monkeypatch, {THEIRS: ("2001:db8::6",), ALIAS: ("2001:db8::5",)})
    names.STEP.apply(ctx)
    assert proxied.answers(ALIAS) == [200]
    assert looked(ctx) == Evidence(f"virtual hosts: {ALIAS}")


def test_what_nginx_does_not_take_is_seen_before_the_restart(proxied: Proxied) -> None:
    """zmproxyctl looks at the generator's word alone; a name may be too long for nginx's table of them."""
    proxied.added = "server_names_hash_bucket_size 64;"
    proxied.restart()
    ctx = proxied.context(tls_names=f"{'a' * 60}.example.test")
    names.STEP.apply(ctx)
    assert proxied.restarts == 1
    assert proxied.answers(OWN) == [200]
    assert "server_names_hash" in looked(ctx).notices[0]


def test_a_400_of_another_reason_is_not_told_as_the_lists(proxied: Proxied) -> None:
    """Where a certificate of the client's is wanted, every name gets it, the server's own too."""
    proxied.added = f"ssl_verify_client on; ssl_client_certificate {proxied.volume}/opt/zimbra/conf/nginx.crt;"
    proxied.restart()
    ctx = proxied.context(tls_names=ALIAS)
    names.STEP.apply(ctx)
    assert proxied.answers(OWN, ALIAS) == [400, 400]
    assert looked(ctx) == Evidence(f"virtual hosts: {ALIAS}")


def test_names_that_are_not_wanted_any_more_are_taken_out(proxied: Proxied) -> None:
    """Those that zflow added; what the operator put there stays, also under a name that zflow was given."""
    proxied.prov("md", "example.test", f"+{names.HOSTS}", THEIRS)
    proxied.restart()
    names.STEP.apply(proxied.context(tls_names=f"{ALIAS},{OTHER},{THEIRS}"))
    assert proxied.entry("domain/example.test")[names.HOSTS] == [THEIRS, ALIAS, OTHER]
    for wanted in (OTHER, ""):
        ctx = proxied.context(tls_names=wanted)
        assert names.STEP.probe(ctx) is None
        names.STEP.apply(ctx)
        assert isinstance(names.STEP.probe(ctx), Evidence)
        assert proxied.entry("domain/example.test")[names.HOSTS] == [THEIRS, *wanted.split()]
    assert proxied.answers(THEIRS, ALIAS, OTHER) == [200, 400, 400]


def test_a_list_without_names_of_ours_is_told(proxied: Proxied) -> None:
    """An earlier zflow left it on: what to type ends it, and the operator who wants it says so by a setting."""
    proxied.restart()
    ctx = proxied.context(tls_names=OWN)
    told = looked(ctx).notices[0]
    assert told.startswith(f"the proxy answers 400 to every name but {OWN} and the domains' {names.HOSTS}")
    assert told.endswith(f"; ZFLOW_KEEP_ATTRIBUTES={STRICT} keeps it as it is")
    assert looked(proxied.context(keep_attributes=STRICT)) == Evidence("no names besides the server's own")
    typed(proxied, told)
    assert proxied.answers(OTHER) == [200]
    assert looked(ctx).notices == ()
