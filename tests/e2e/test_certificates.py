"""Certificates in a serving container: renewed, refused, cut off, and what is on the wire."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from rehearsal.machine import Machine
from tests.e2e.looks import PATIENCE, address, events, eventually, newest, served
from tests.states.tls.authority import Issued, inter, issue, root, rsa_key

pytestmark = [pytest.mark.container, pytest.mark.network]


@cache
def certificate(name: str) -> Issued:
    """Issue a certificate for the machine's name, valid today, by an intermediate of the tests' root; once a name."""
    today = datetime.now(UTC) - timedelta(days=1)
    return issue(name, inter(), key=rsa_key(name), names=("mail.example.test",), begin=today)


Supply = Callable[[Issued, bytes], None]


@contextmanager
def supplying(machine: Machine, files: Path) -> Iterator[Supply]:
    """Supplies pairs as an operator does, into the folder of the certificate; afterwards there is none again."""
    settings = machine.volume_path() / "app/settings.toml"
    files.mkdir(exist_ok=True)
    (files / "ca.crt").write_bytes(root().pem)
    settings.write_text('tls_private_ca = "/data/app/tls/ca.crt"\n')

    def supply(issued: Issued, key: bytes) -> None:
        (files / "zimbra.key").write_bytes(key)
        (files / "zimbra.crt").write_bytes(issued.pem + inter().pem)

    yield supply
    for each in files.iterdir():
        each.unlink()
    settings.unlink()
    machine.run("zflow", "resume", timeout=300)


@pytest.fixture
def supply(finished: Machine) -> Iterator[Supply]:
    """Supplies pairs on the volume, with the tests' root allowed."""
    with supplying(finished, finished.volume_path() / "app/tls") as found:
        yield found


def test_a_renewed_certificate_is_served_and_a_wrong_one_leaves_it(finished: Machine, supply: Supply) -> None:
    """A supplied pair is served outside by itself, once; a key of another pair is refused and changes nothing."""
    first, other = certificate("first"), certificate("other")
    before = newest(finished)
    supply(first, first.key_pem)
    assert eventually(lambda: served(finished) == first.pem.decode())
    finished.must_serve(PATIENCE)
    deploys = [row for row in events(finished, before) if row["step"] == "tls.deployed" and row["kind"] == "started"]
    assert len(deploys) == 1
    assert served(finished, 993) == served(finished, 7071) == first.pem.decode()
    supply(first, other.key_pem)
    assert eventually(lambda: finished.status()["state"] == "blocked")
    assert finished.status()["problem"]["code"] == "ZF-5012"
    assert served(finished) == first.pem.decode()
    supply(other, other.key_pem)
    assert eventually(lambda: served(finished) == other.pem.decode())
    finished.must_serve(PATIENCE)


def server_pids(machine: Machine, *names: str) -> list[str]:
    """Return the process numbers of servers inside, as their pid files have them."""
    files = [f"/data/opt/zimbra/log/{name}.pid" for name in names]
    return machine.run("cat", *files, check=True).stdout.split()


def test_a_renewal_is_served_soon_and_keeps_connections(
    finished: Machine, supply: Supply, record_property: Callable[[str, object], None]
) -> None:
    """Key first, certificate later: no error in between, one deploy, only the mail store restarts, connections live."""
    first, second = certificate("first"), certificate("second")
    supply(first, first.key_pem)
    assert eventually(lambda: served(finished, 7071) == first.pem.decode())
    finished.must_serve(PATIENCE)
    before, kept = newest(finished), server_pids(finished, "nginx", "memcached")
    store = server_pids(finished, "mailboxd")
    files = finished.volume_path() / "app/tls"
    trusting = ssl.create_default_context(cafile=str(files / "ca.crt"))
    plain = socket.create_connection((address(finished), 993), 10)
    with trusting.wrap_socket(plain, server_hostname="mail.example.test") as mailbox:
        assert mailbox.recv(4096).startswith(b"* OK")
        (files / "zimbra.key").write_bytes(second.key_pem)
        assert eventually(lambda: bool(finished.status()["walking"]))
        (files / "zimbra.crt").write_bytes(second.pem + inter().pem)
        whole = time.monotonic()
        assert eventually(lambda: served(finished) == second.pem.decode())
        record_property("seconds from the whole pair to the served one", round(time.monotonic() - whole, 1))
        finished.must_serve(PATIENCE)
        mailbox.sendall(b"a NOOP\r\n")
        assert mailbox.recv(4096).startswith(b"a OK")
    assert server_pids(finished, "nginx", "memcached") == kept
    assert server_pids(finished, "mailboxd") != store
    kinds = [(row["step"], row["kind"]) for row in events(finished, before)]
    assert kinds.count(("tls.deployed", "started")) == 1
    assert not {kind for _, kind in kinds} & {"blocked", "failed", "gave-up"}


def test_a_container_killed_in_a_deploy_serves_one_whole_pair(finished: Machine, supply: Supply) -> None:
    """After a kill in the midst of a deploy the services start, and the new pair is served by all."""
    pair = certificate("killed")
    before = newest(finished)
    supply(pair, pair.key_pem)
    assert eventually(lambda: any(row["step"] == "tls.deployed" for row in events(finished, before)))
    finished.kill()
    finished.start()
    finished.must_serve(600)
    assert served(finished) == served(finished, 993) == served(finished, 7071) == pair.pem.decode()


def ask(machine: Machine, port: int, *options: str) -> str:
    """Ask a port by openssl, from outside, and return all it prints."""
    argv = ["openssl", "s_client", "-connect", f"{address(machine)}:{port}", *options]
    ended = subprocess.run(argv, input="", capture_output=True, text=True, timeout=60, check=False)
    return ended.stdout + ended.stderr


@pytest.mark.parametrize(("port", "starttls"), [(443, ""), (993, ""), (143, "imap"), (465, ""), (587, "smtp")])
def test_our_group_is_used_and_the_chain_is_whole(port: int, starttls: str, finished: Machine, supply: Supply) -> None:
    """From outside: the chain verifies with the root alone, finite-field Diffie-Hellman is of 4096 bits, no TLS 1.1."""
    pair = certificate("first")
    supply(pair, pair.key_pem)
    assert eventually(lambda: served(finished, 7071) == pair.pem.decode())
    finished.must_serve(PATIENCE)
    option = ["-starttls", starttls] if starttls else []
    root_file = str(finished.volume_path() / "app/tls/ca.crt")
    assert "Verify return code: 0 (ok)" in ask(finished, port, *option, "-CAfile", root_file)
    dhe = ask(finished, port, *option, "-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384")
    assert "Server Temp Key: DH, 4096 bits" in dhe
    assert "Cipher is (NONE)" in ask(finished, port, *option, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")


def test_hsts_comes_with_a_verified_pair_and_goes_with_it(finished: Machine, supply: Supply) -> None:
    """Switched on, the header comes with the first stage's time once a pair is served, and goes when that is gone."""
    app = finished.volume_path() / "app"

    def header() -> str:
        request = b"GET / HTTP/1.0\r\nHost: mail.example.test\r\n\r\n"
        loose = ssl.create_default_context()
        loose.check_hostname, loose.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection((address(finished), 443), 10) as plain, loose.wrap_socket(plain) as secured:
            secured.sendall(request)
            lines = secured.recv(8192).decode().split("\r\n")
        return next((line for line in lines if line.lower().startswith("strict-transport-security:")), "")

    pair = certificate("first")
    supply(pair, pair.key_pem)
    with (app / "settings.toml").open("a") as file:
        file.write("hsts = 31536000\n")
    assert eventually(lambda: header() == "Strict-Transport-Security: max-age=300")
    for name in ("zimbra.key", "zimbra.crt"):
        (app / "tls" / name).unlink()
    assert eventually(lambda: header() == "")
    assert eventually(lambda: finished.wait_valid(PATIENCE) == 0)  # blocked as long as one file alone was gone


def test_the_commands_about_tls(finished: Machine, supply: Supply) -> None:
    """`zflow tls` shows every port with the served pair, judges files, and finds nothing old."""
    pair = certificate("first")
    supply(pair, pair.key_pem)
    assert eventually(lambda: served(finished, 7071) == pair.pem.decode())
    finished.must_serve(PATIENCE)
    shown = finished.run("zflow", "tls", "show")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stdout.count("CN=first until") >= 9
    assert finished.run("zflow", "tls", "check").returncode == 0
    assert finished.run("zflow", "tls", "check", "/data/app/tls/ca.crt").returncode == 1
    audited = finished.run("zflow", "tls", "audit")
    assert audited.returncode == 0, audited.stdout + audited.stderr
