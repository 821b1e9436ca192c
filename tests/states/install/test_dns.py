"""The server's own DNS: its configuration, read and run by a real dnsmasq where there is one."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from states.bootstrap import resolver
from states.install import dns, nameservers
from states.server import SETTINGS as SERVER
from states.server import mail_domains
from states.serving.watches import FORWARDS
from states.ubuntu import container, dnsmasq
from states.ubuntu.addresses import Addresses
from states.ubuntu.dnsquery import AAAA, MX, A, ask
from tests.support import make_context
from zflow.api import Context

NEEDS_DNSMASQ = pytest.mark.skipif(shutil.which("dnsmasq") is None, reason="there is no dnsmasq here")
NAME = "mail.example.org"
FOUR = Addresses(("10.0.0.2", "10.0.0.3"), six=False)
SIX = Addresses(("10.0.0.2", "fd00::2", "fd00::3"), six=True)
CONFIGS: dict[str, str] = {
    "one address": dns.config(NAME, ("example.org",), FOUR, ["192.0.2.53"]),
    "both families": dns.config(NAME, ("example.org", "example.net"), SIX, ["192.0.2.53", "2001:db8::53"]),
    "no network": dns.config(NAME, ("example.org",), Addresses((), six=False), []),
    "its own domain": dns.config("example.org", ("example.org",), FOUR, ["fe80::1%lo"]),
    "names of the engine": dns.config(
        NAME,
        ("example.org",),
        FOUR,
        [],
        (("192.0.2.9", ("relay.lan", "a_b", "b√", "x,y")), ("2001:db8::9", ("relay.lan",))),
    ),
}


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context in a container with Docker's resolver, its files below the volume."""
    nameservers.silent.cache_clear()
    monkeypatch.setattr(container, "RESOLVER", tmp_path / "container.conf")
    monkeypatch.setattr(container, "HOSTS", tmp_path / "hosts.conf")
    monkeypatch.setattr(dns, "addresses", lambda: SIX)
    monkeypatch.setattr(dnsmasq, "PID", tmp_path / "dnsmasq.pid")
    monkeypatch.setattr(dnsmasq, "CONFIG", tmp_path / "dnsmasq.conf")
    (tmp_path / "container.conf").write_text("search corp\nnameserver 127.0.0.11\nnameserver ::1\noptions ndots:0\n")
    (tmp_path / "etc").mkdir()
    named = {"ZFLOW_HOSTNAME": NAME, "ZFLOW_ADDITIONAL_MAIL_DOMAINS": "example.net,example.org"}
    return make_context(tmp_path, SERVER, named)


@NEEDS_DNSMASQ
@pytest.mark.parametrize("case", CONFIGS)
def test_dnsmasq_accepts_it(tmp_path: Path, case: str) -> None:
    """dnsmasq finds nothing wrong with the configuration."""
    (tmp_path / "conf").write_text(CONFIGS[case])
    argv = ["dnsmasq", "--test", f"--conf-file={tmp_path}/conf"]
    assert "OK" in subprocess.run(argv, capture_output=True, text=True, check=True).stderr


def test_only_the_loopback_is_served() -> None:
    """Nobody else can ask: it listens on loopback addresses, ::1 only where that exists."""
    assert {line for line in CONFIGS["one address"].splitlines() if "listen" in line} == {"listen-address=127.0.0.1"}
    assert "listen-address=::1\n" in CONFIGS["both families"]
    assert all("bind-interfaces\n" in each for each in CONFIGS.values())


def test_one_address_of_each_family() -> None:
    """The name leads to the preferred address of either family; without a network to this machine itself."""
    assert f"host-record={NAME},10.0.0.2\n" in CONFIGS["one address"]
    assert f"host-record={NAME},10.0.0.2,fd00::2\n" in CONFIGS["both families"]
    assert f"host-record={NAME},127.0.0.1\n" in CONFIGS["no network"]


def test_upstream(ctx: Context) -> None:
    """An engine's resolver is asked for the rest, this machine itself never: that would be a circle."""
    servers = [line for line in dns.wanted(ctx).splitlines() if line.startswith("server=")]
    assert servers == ["server=127.0.0.11"]


def test_names_of_the_engine(ctx: Context) -> None:
    """What the engine wrote into the container's hosts file is answered, where dnsmasq can take the name."""
    container.HOSTS.write_text(f"192.0.2.9 relay.lan {NAME} x,y\n127.0.0.1 localhost\n")
    lines = [line for line in dns.wanted(ctx).splitlines() if line.startswith("host-record=")]
    assert lines == [f"host-record={NAME},10.0.0.2,fd00::2", "host-record=relay.lan,192.0.2.9"]


def test_domains(ctx: Context) -> None:
    """All mail domains have the server as their exchanger, each once, the first one first."""
    assert mail_domains(ctx) == ("example.org", "example.net")
    lines = [line for line in dns.wanted(ctx).splitlines() if line.startswith("mx-host=")]
    assert lines == [f"mx-host=example.org,{NAME},10", f"mx-host=example.net,{NAME},10"]


def test_resolv_conf(ctx: Context) -> None:
    """Programs inside ask us alone, and keep the container's search list and options."""
    assert dns.resolv_conf() == "nameserver 127.0.0.1\nsearch corp\noptions ndots:0\n"
    assert resolver.is_own_dns(dns.resolv_conf())
    dns.place_resolv_conf(ctx)
    assert (ctx.volume / "etc/resolv.conf").read_text() == dns.resolv_conf()


@pytest.mark.parametrize("content", [None, "", "rubbish", "99999999"])
def test_nothing_of_ours_runs(ctx: Context, content: str | None) -> None:
    """A file that is absent, torn or old is no running dnsmasq."""
    if content is not None:
        dnsmasq.PID.write_text(content)
    dnsmasq.CONFIG.write_text("x")
    assert dnsmasq.running() is None
    dnsmasq.end()
    assert dns.probe(ctx) is None


def test_strangers_process(ctx: Context) -> None:
    """A stranger's process whose number is in the file is not ended for it."""
    dnsmasq.CONFIG.write_text("x")
    with subprocess.Popen(["sleep", "60"]) as stranger:
        dnsmasq.PID.write_text(str(stranger.pid))
        assert dnsmasq.running() is None
        dnsmasq.end()
        stranger.kill()
    assert stranger.returncode == -signal.SIGKILL


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Run dnsmasq with the configuration of both families on a free port, and return that."""
    engines = (("192.0.2.9", ("relay.lan",)),)
    text = dns.config(NAME, ("example.org", "example.net"), SIX, ["127.0.0.1#9"], engines)
    with running(tmp_path, text) as number:
        yield number


@contextlib.contextmanager
def running(tmp_path: Path, text: str) -> Iterator[int]:
    """Run dnsmasq with a configuration, but on a free port, which is returned."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    for old, new in (
        ("user=root\n", ""),
        ("port=53", f"port={number}"),
        (str(dnsmasq.PID), f"{tmp_path}/pid"),
        ("listen-address=::1\n", ""),
    ):
        text = text.replace(old, new)
    file = tmp_path / "dnsmasq.test.conf"
    file.write_text(text)
    argv = ["dnsmasq", "--keep-in-foreground", f"--conf-file={file}"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while not (tmp_path / "pid").exists():
                assert process.poll() is None
            threading.Thread(target=process.wait).start()  # who has ended is gone, as under tini
            yield number
        finally:
            process.terminate()
            process.wait()
            (tmp_path / "pid").unlink(missing_ok=True)


@NEEDS_DNSMASQ
@pytest.mark.parametrize(
    ("question", "kind", "answer"),
    [
        (NAME, A, ["10.0.0.2"]),
        (NAME, AAAA, ["fd00::2"]),
        ("example.org", MX, [NAME]),
        ("example.net", MX, [NAME]),
        ("MAIL.example.org", A, ["10.0.0.2"]),
        (NAME, MX, []),
        ("relay.lan", A, ["192.0.2.9"]),
    ],
)
def test_answers(port: int, question: str, kind: int, answer: list[str]) -> None:
    """A real dnsmasq answers for the server and its mail domains, and nobody outside is asked about the name."""
    assert ask(question, kind, port=port, timeout=5) == answer


@NEEDS_DNSMASQ
def test_end(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our dnsmasq is ended, also without the file that names its process: it would keep the port of the next one."""
    monkeypatch.setattr(dnsmasq, "RUN", tmp_path)
    (tmp_path / "pid").unlink()
    assert ask(NAME, A, port=port, timeout=5) == ["10.0.0.2"]
    dnsmasq.end()
    with pytest.raises(OSError, match="refused"):
        ask(NAME, A, port=port)


class Upstream:
    """A nameserver on this machine that answers each question alike, or none, and keeps how many there were."""

    def __init__(self, code: int | None) -> None:
        self.channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.channel.bind(("127.0.0.1", 0))
        self.port: int = self.channel.getsockname()[1]
        self.code = code
        self.count = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            query, asker = self.channel.recvfrom(4096)
            self.count += 1
            if self.code is not None:
                header = query[:2] + struct.pack(">HHHHH", 0x8180 | self.code, 1, 0, 0, 0)
                self.channel.sendto(header + query[12:], asker)


@NEEDS_DNSMASQ
def test_nameservers_are_asked_in_order(tmp_path: Path) -> None:
    """A real dnsmasq asks the first nameserver of resolv.conf, and the next only where that one cannot answer."""
    servers = [Upstream(3), Upstream(0), Upstream(0)]
    refusing = [Upstream(5), *servers]
    for asked, expected in ((servers, [8, 0, 0]), (refusing, [8, 8, 0, 0])):
        for each in servers:
            each.count = 0
        text = dns.config(NAME, ("example.org",), FOUR, [f"127.0.0.1#{each.port}" for each in asked])
        with running(tmp_path, text) as port:
            for number in range(8):
                assert ask(f"x{number}.example.com", A, port=port, timeout=5) == []
        assert [each.count for each in asked] == expected


@NEEDS_DNSMASQ
@pytest.mark.parametrize(("question", "kind"), [(NAME, AAAA), (NAME, MX), (f"autodiscover.{NAME}", A)])
def test_nobody_outside_is_asked_about_the_server(tmp_path: Path, question: str, kind: int) -> None:
    """What a server with IPv4 alone lacks under its name does not exist: nobody outside answers for it."""
    outside = Upstream(0)
    with running(tmp_path, dns.config(NAME, ("example.org",), FOUR, [f"127.0.0.1#{outside.port}"])) as port:
        assert ask(question, kind, port=port, timeout=5) == []
        assert outside.count == 0
        assert ask("example.com", kind, port=port, timeout=5) == []
        assert outside.count == 1


@pytest.mark.parametrize(("code", "good"), [(0, True), (3, True), (2, False), (5, False)])
def test_the_moment_a_nameserver_is_lost(code: int, good: bool) -> None:
    """What the supervisor asks while the server runs tells an answer from outside from one that there is none."""
    upstream = Upstream(code)
    argv = ["bash", "-c", FORWARDS, "nameservers", str(upstream.port), "0"]
    done = subprocess.run(argv, capture_output=True, check=False)
    assert (done.returncode, upstream.count) == ((0, 1) if good else (1, 5))
    assert done.stdout + done.stderr == b""
    upstream.channel.close()


def test_nameservers_that_are_of_no_use(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is silent, is not there, or has nothing but its refusal is told by its address, a good one is not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = closed.getsockname()[1]
    ports = {f"127.0.0.{number}": upstream.port for number, upstream in enumerate(map(Upstream, (0, 3, 2, 5, None)), 2)}
    ports["127.0.0.9"] = nobody
    monkeypatch.setattr(nameservers, "UPSTREAM_PATIENCE", 0.3)
    monkeypatch.setattr(
        nameservers, "ask", lambda name, kind, server, timeout: ask(name, kind, port=ports[server], timeout=timeout)
    )
    assert nameservers.silent(tuple(ports), "example.org") == ["127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.9"]
    container.RESOLVER.write_text("nameserver 127.0.0.2\nnameserver 127.0.0.9\n")
    assert nameservers.notices(ctx) == (
        "of the container's nameservers 127.0.0.9 does not answer; remove it from --dns",
    )
    container.RESOLVER.write_text("nameserver 127.0.0.4\n")
    assert nameservers.notices(ctx)[0].startswith("no nameserver answers (127.0.0.4)")
    container.RESOLVER.write_text("nameserver 127.0.0.1\n")
    assert nameservers.notices(ctx)[0].startswith("the container has no nameserver")
    container.RESOLVER.write_text("nameserver 127.0.0.2\n")
    assert nameservers.notices(ctx) == ()
