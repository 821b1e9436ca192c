"""A finished server in its daily life: certificates, drift, dead services and upgrades, noticed and put right."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.container.podman import IMAGE, RUNTIME, Machine, podman
from tests.states.tls.authority import Issued, inter, issue, root, rsa_key

pytestmark = [pytest.mark.container, pytest.mark.network]

PATIENCE = 120.0
TEMPLATE = "opt/zimbra/conf/zmconfigd/smtpd_sender_restrictions.cf"
VENDORS = Path(__file__).parents[1] / "standin/packages/zimbra-mta/root" / TEMPLATE


def eventually(condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
    """Look until a condition holds, or the time is over."""
    deadline = time.monotonic() + patience
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return holds


def address(machine: Machine) -> str:
    """Return the container's address, as others reach it."""
    return podman("inspect", "--format", "{{.NetworkSettings.IPAddress}}", machine.name).stdout.strip()


def reached(place: str, port: int, patience: float = 2.0) -> bool:
    """Tell whether a TCP port answers at an address."""
    try:
        with socket.create_connection((place, port), patience):
            return True
    except OSError:
        return False


def served(machine: Machine, port: int = 443) -> str:
    """Return the certificate that a port serves to the outside; empty when there is none."""
    try:
        return ssl.get_server_certificate((address(machine), port), timeout=5)
    except OSError:
        return ""


def events(machine: Machine, after: int = 0) -> list[dict[str, Any]]:
    """Return the events after one."""
    lines = machine.run("zflow", "history", "--json").stdout.splitlines()
    return [row for row in map(json.loads, lines) if row["seq"] > after]


def newest(machine: Machine) -> int:
    """Return the newest event's number."""
    return int(events(machine)[-1]["seq"])


def zimbra(machine: Machine, command: str) -> str:
    """Run a command as user zimbra and return its output."""
    return machine.run("chroot", "/data", "su", "-", "zimbra", "-c", command).stdout


@cache
def certificate(name: str) -> Issued:
    """Issue a certificate for the machine's name, valid today, by an intermediate of the tests' root; once a name."""
    today = datetime.now(UTC) - timedelta(days=1)
    return issue(name, inter(), key=rsa_key(name), names=("mail.example.test",), begin=today)


@pytest.fixture
def supply(finished: Machine) -> Iterator[Callable[[Issued, bytes], None]]:
    """Supplies pairs as an operator does, with the tests' root allowed; afterwards there is none again."""
    app = finished.volume_path() / "app"
    (app / "tls").mkdir(exist_ok=True)
    (app / "tls/ca.crt").write_bytes(root().pem)
    (app / "settings.toml").write_text('tls_private_ca = "/data/app/tls/ca.crt"\n')

    def supply(issued: Issued, key: bytes) -> None:
        (app / "tls/zimbra.key").write_bytes(key)
        (app / "tls/zimbra.crt").write_bytes(issued.pem + inter().pem)

    yield supply
    shutil.rmtree(app / "tls")
    (app / "settings.toml").unlink()
    finished.run("zflow", "resume", timeout=300)


def test_a_renewed_certificate_is_served_and_a_wrong_one_leaves_it(
    finished: Machine, supply: Callable[[Issued, bytes], None]
) -> None:
    """A supplied pair is served outside by itself, once; a key of another pair is refused and changes nothing."""
    first, other = certificate("first"), certificate("other")
    before = newest(finished)
    supply(first, first.key_pem)
    assert eventually(lambda: served(finished) == first.pem.decode())
    assert finished.wait_valid(PATIENCE) == 0, finished.logs()[-3000:]
    deploys = [row for row in events(finished, before) if row["step"] == "tls.deployed" and row["kind"] == "started"]
    assert len(deploys) == 1
    assert served(finished, 993) == served(finished, 7071) == first.pem.decode()
    supply(first, other.key_pem)
    assert eventually(lambda: finished.status()["state"] == "blocked")
    assert finished.status()["problem"]["code"] == "ZF-5012"
    assert served(finished) == first.pem.decode()
    supply(other, other.key_pem)
    assert eventually(lambda: served(finished) == other.pem.decode())
    assert finished.wait_valid(PATIENCE) == 0


def server_pids(machine: Machine, *names: str) -> list[str]:
    """Return the process numbers of servers inside, as their pid files have them."""
    files = [f"/data/opt/zimbra/log/{name}.pid" for name in names]
    return machine.run("cat", *files, check=True).stdout.split()


def test_a_renewal_is_served_soon_and_keeps_connections(
    finished: Machine, supply: Callable[[Issued, bytes], None], record_property: Callable[[str, object], None]
) -> None:
    """Key first, certificate later: no error in between, one deploy, only the mail store restarts, connections live."""
    first, second = certificate("first"), certificate("second")
    supply(first, first.key_pem)
    assert eventually(lambda: served(finished, 7071) == first.pem.decode())
    assert finished.wait_valid(PATIENCE) == 0
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
        assert finished.wait_valid(PATIENCE) == 0
        mailbox.sendall(b"a NOOP\r\n")
        assert mailbox.recv(4096).startswith(b"a OK")
    assert server_pids(finished, "nginx", "memcached") == kept
    assert server_pids(finished, "mailboxd") != store
    kinds = [(row["step"], row["kind"]) for row in events(finished, before)]
    assert kinds.count(("tls.deployed", "started")) == 1
    assert not {kind for _, kind in kinds} & {"blocked", "failed", "gave-up"}


def test_a_container_killed_in_a_deploy_serves_one_whole_pair(
    finished: Machine, supply: Callable[[Issued, bytes], None]
) -> None:
    """After a kill in the midst of a deploy the services start, and the new pair is served by all."""
    pair = certificate("killed")
    before = newest(finished)
    supply(pair, pair.key_pem)
    assert eventually(lambda: any(row["step"] == "tls.deployed" for row in events(finished, before)))
    finished.kill()
    finished.start()
    assert finished.wait_valid(600) == 0, finished.logs()[-3000:]
    assert served(finished) == served(finished, 993) == served(finished, 7071) == pair.pem.decode()


def ask(machine: Machine, port: int, *options: str) -> str:
    """Ask a port by openssl, from outside, and return all it prints."""
    argv = ["openssl", "s_client", "-connect", f"{address(machine)}:{port}", *options]
    ended = subprocess.run(argv, input="", capture_output=True, text=True, timeout=60, check=False)
    return ended.stdout + ended.stderr


@pytest.mark.parametrize(("port", "starttls"), [(443, ""), (993, ""), (143, "imap"), (465, ""), (587, "smtp")])
def test_our_group_is_used_and_the_chain_is_whole(
    port: int, starttls: str, finished: Machine, supply: Callable[[Issued, bytes], None]
) -> None:
    """From outside: the chain verifies with the root alone, finite-field Diffie-Hellman is of 4096 bits, no TLS 1.1."""
    pair = certificate("first")
    supply(pair, pair.key_pem)
    assert eventually(lambda: served(finished, 7071) == pair.pem.decode())
    assert finished.wait_valid(PATIENCE) == 0
    option = ["-starttls", starttls] if starttls else []
    root_file = str(finished.volume_path() / "app/tls/ca.crt")
    assert "Verify return code: 0 (ok)" in ask(finished, port, *option, "-CAfile", root_file)
    dhe = ask(finished, port, *option, "-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384")
    assert "Server Temp Key: DH, 4096 bits" in dhe
    assert "Cipher is (NONE)" in ask(finished, port, *option, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")


def test_hsts_comes_with_a_verified_pair_and_goes_with_it(
    finished: Machine, supply: Callable[[Issued, bytes], None]
) -> None:
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
    assert finished.wait_valid(PATIENCE) == 0


def test_the_commands_about_tls(finished: Machine, supply: Callable[[Issued, bytes], None]) -> None:
    """`zflow tls` shows every port with the served pair, judges files, and finds nothing old."""
    pair = certificate("first")
    supply(pair, pair.key_pem)
    assert eventually(lambda: served(finished, 7071) == pair.pem.decode())
    assert finished.wait_valid(PATIENCE) == 0
    shown = finished.run("zflow", "tls", "show")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stdout.count("CN=first until") >= 9
    assert finished.run("zflow", "tls", "check").returncode == 0
    assert finished.run("zflow", "tls", "check", "/data/app/tls/ca.crt").returncode == 1
    audited = finished.run("zflow", "tls", "audit")
    assert audited.returncode == 0, audited.stdout + audited.stderr


def test_only_the_listed_ports_are_reached_from_outside(finished: Machine) -> None:
    """What the server listens on for itself does not answer outside, what is for the public does."""
    assert [port for port in (25, 80, 443, 587, 993, 7071) if not reached(address(finished), port)] == []
    assert [port for port in (389, 7306, 8080, 8443, 11211, 7025) if reached(address(finished), port)] == []


def test_drift_is_named_by_verify_and_restored_by_resume(finished: Machine) -> None:
    """An attribute changed by hand is a finding of `verify`; `resume` writes the wanted value back, and only it."""
    zimbra(finished, "zmprov mcf zimbraHttpDosFilterMaxRequestsPerSec 99")
    noticed = finished.run("zflow", "verify", timeout=300)
    assert noticed.returncode == 1
    assert [line.split()[0] for line in noticed.stdout.splitlines() if "LOST" in line] == ["hardening.values"]
    before = newest(finished)
    assert finished.run("zflow", "resume", timeout=300).returncode == 0
    assert "Sec: 30" in zimbra(finished, "zmprov gcf zimbraHttpDosFilterMaxRequestsPerSec")
    assert {row["step"] for row in events(finished, before) if row["kind"] == "started"} == {"hardening.values"}


def test_a_dead_service_is_noticed_and_started_again(finished: Machine) -> None:
    """A service that ends is seen by the supervisor within its watch, and a walk starts it again."""
    before = newest(finished)
    finished.run("sh", "-c", "kill -9 $(cat /data/opt/zimbra/log/memcached.pid)", check=True)
    assert eventually(lambda: any(row["step"] == "install.services" for row in events(finished, before)))
    assert finished.wait_valid(PATIENCE) == 0
    assert "memcached               Running" in zimbra(finished, "zmcontrol status")


def test_an_upgrade_by_the_operator_makes_hardening_due_again(finished: Machine) -> None:
    """After a newer zimbra-core replaced the template, the next look restores it, and says that its inputs changed."""
    status = finished.volume_path() / "var/lib/dpkg/status"
    original = status.read_text()
    template = finished.volume_path() / TEMPLATE
    try:
        stanza = original.index("Package: zimbra-core\n")
        status.write_text(
            original[:stanza] + original[stanza:].replace("\nVersion: 8.8.15.", "\nVersion: 8.8.15.1.", 1)
        )
        template.write_text(VENDORS.read_text())
        before = newest(finished)
        podman("kill", "--signal", "HUP", finished.name)
        assert eventually(lambda: "reject_sender_login_mismatch" in template.read_text().splitlines())
        assert finished.wait_valid(PATIENCE) == 0
        again = {row["step"] for row in events(finished, before) if row["kind"] in {"started", "satisfied"}}
        assert {"hardening.senders", "hardening.values", "tls.profile"} <= again
    finally:
        status.write_text(original)
        finished.run("zflow", "resume", timeout=300)


def test_no_zombie_is_left(finished: Machine) -> None:
    """Orphans that ended are reaped: none of the container's processes is a zombie."""
    assert "Z" not in "".join(finished.run("chroot", "/data", "ps", "-e", "-o", "stat=").stdout.split())


def test_the_status_of_a_volume_whose_runner_is_gone(finished: Machine) -> None:
    """With the container stopped, another one that only looks says that no runner is at work, with exit code 1."""
    finished.stop()
    try:
        looked = podman("run", "--rm", "--volume", f"{finished.name}:/data", *RUNTIME, IMAGE, "status", check=False)
        assert looked.returncode == 1
        assert "no runner is at work on /data" in looked.stdout
        assert "Start the container" in looked.stdout
    finally:
        finished.start()
        assert finished.wait_valid(600) == 0
