"""A real postfix on a loopback port, with its own folders, rendered as the stand-in renders the vendor's template.

It ends with the process that started it, also with a killed one: a guard reads from a pipe that closes then.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rehearsal.standin import HERE as STANDIN
from rehearsal.standin.runtime import host, listener, rewrite, store
from states.hardening import senders, values
from tests.states.hardening.monitor import eventually
from tests.states.hardening.server import Server

DAEMONS = Path("/usr/lib/postfix/sbin")
PRESENT = (DAEMONS / "master").exists()
PREFIX = "zflow-postfix-"
INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.2"
"""A client of the server's own networks, and one that is not."""
PASSWORD = "a-password-for-tests"
EXTRA = """
inet_interfaces = 127.0.0.1
default_transport = discard:
virtual_transport = discard:
local_transport = discard:
maillog_file_prefixes = /tmp
maillog_file = /opt/zimbra/log/mail.log
"""
"""What is accepted goes nowhere."""
ATTRIBUTES = {
    "zimbraMtaMyNetworks": "127.0.0.1/32",
    "zimbraMtaTlsAuthOnly": "FALSE",
    "zimbraMtaTlsSecurityLevel": "none",
    "zimbraMtaSaslAuthEnable": "yes",
}
LOG = "postlog unix-dgram n - n - 1 postlogd"
GUARD = '"$@" & master=$!; read -r _; kill "$master"; wait "$master"'
LOGIN_MAPS = STANDIN / "packages/zimbra-mta/root/opt/zimbra/conf/zmconfigd"
TAGS = STANDIN / "packages/zimbra-mta/root/opt/zimbra/common/conf"


@dataclass
class Postfix:
    """One running instance."""

    port: int

    def talk(self, sender: str, recipient: str, *, client: str = INSIDE, login: str | None = None) -> tuple[int, str]:
        """Hand over one message; return the last answer: 250 when it was taken."""
        with smtplib.SMTP(INSIDE, self.port, "client.example.net", timeout=60, source_address=(client, 0)) as session:
            session.ehlo()
            if login:
                session.login(login, PASSWORD)
            answers = [session.mail(sender), session.rcpt(recipient)]
            if all(code == 250 for code, _ in answers):
                answers.append(session.data("Subject: a test\n\ntext\n"))
            code, text = next((each for each in answers if each[0] != 250), answers[-1])
            return code, text.decode()


@contextlib.contextmanager
def postfix(monkeypatch: pytest.MonkeyPatch, checks: str) -> Iterator[Postfix]:
    """Run a postfix of a server that was hardened with these sender checks."""
    _remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(0o755)  # postfix's processes run as its own user
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = Server(folder, monkeypatch)
        _hardened(server, checks)
        port = _rendered(folder, monkeypatch)
        stack.enter_context(_passwords(folder, monkeypatch))
        stack.enter_context(_master(folder / "opt/zimbra/common/conf"))
        assert eventually(lambda: _answers(port))
        yield Postfix(port)


def _remove_leftovers() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = path.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", owner).exists():
            shutil.rmtree(path, ignore_errors=True)


def _hardened(server: Server, checks: str) -> None:
    """Make the accounts, and harden by the very steps under test."""
    commands = [
        ("ca", "alice@example.test", PASSWORD),
        ("aaa", "alice@example.test", "sales@example.test"),
        ("ca", "bob@example.test", PASSWORD),
        *(("mcf", name, value) for name, value in ATTRIBUTES.items()),
    ]
    for command in commands:
        assert server.run_tool("zmprov", "-l", *command)[0] == 0, command
    server.run_tool("zmlocalconfig", "-e", "zimbra_server_hostname=mail.example.test")
    ctx = server.context(sender_checks=checks)
    values.apply(ctx)
    senders.apply(ctx)


def _rendered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Write main.cf, master.cf and the maps; return the port."""
    home = folder / "opt/zimbra"
    conf = home / "common/conf"
    shutil.copytree(TAGS, conf)
    for each in ("data/postfix/spool", "data/postfix/data"):
        (home / each).mkdir(parents=True)
    shutil.chown(home / "data/postfix/data", "postfix")
    monkeypatch.setattr(host, "USER", "nobody")
    monkeypatch.setattr(rewrite, "SENDER_RESTRICTIONS", home / "conf/zmconfigd/smtpd_sender_restrictions.cf")
    monkeypatch.setattr(rewrite, "SENDER_LOGIN_MAPS", LOGIN_MAPS / "smtpd_sender_login_maps.cf")
    with store.opened() as directory:
        main = rewrite.main_cf(lambda name: directory.value("config", name))
        tables = rewrite.maps(directory)
    (conf / "main.cf").write_text((main + EXTRA).replace("/opt/zimbra", str(home)) + f"daemon_directory = {DAEMONS}\n")
    for name, text in tables.items():
        (home / f"conf/ldap-{name}").write_text(text)
    with socket.socket() as probe:
        probe.bind((INSIDE, 0))
        port = int(probe.getsockname()[1])
    template = Path(rewrite.__file__).parent / "templates/master.cf"
    services = [line for line in template.read_text().splitlines() if " inet " not in line]
    (conf / "master.cf").write_text("\n".join([f"{INSIDE}:{port} inet n - n - - smtpd", LOG, *services]) + "\n")
    return port


@contextlib.contextmanager
def _passwords(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Answer postfix's questions about passwords."""
    monkeypatch.setattr(listener, "SASL", folder / "opt/zimbra/data/sasl2/state/auth")
    monkeypatch.setattr(host, "LOG", folder / "opt/zimbra/log")
    server = listener._serve_sasl()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def _master(conf: Path) -> Iterator[None]:
    subprocess.run(["postfix", "-c", str(conf), "check"], check=True, capture_output=True, timeout=60)
    master = [str(DAEMONS / "master"), "-c", str(conf), "-d"]
    guard = subprocess.Popen(
        ["sh", "-c", GUARD, "guard", *master],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        guard.communicate(timeout=30)


def _answers(port: int) -> bool:
    try:
        with smtplib.SMTP(INSIDE, port, "probe.example.net", timeout=60):
            return True
    except OSError:
        return False
