"""What is found before the install, all at once; limits and ports."""

from __future__ import annotations

import resource
import socket
from pathlib import Path

import pytest

from states import identity
from states.bootstrap.settings import PROXY, UBUNTU
from states.install import codes, limits, preflight
from states.install.memory import Memory
from states.install.settings import SETTINGS
from tests.states.install.records import session, write_history, write_server
from tests.states.install.shells import Answering
from tests.support import make_context
from zflow.api import Context, OperatorError

TABLE = (*identity.SETTINGS, PROXY, UBUNTU, *SETTINGS)
NAMED = {"ZFLOW_HOSTNAME": "mail.example.org", "ZFLOW_MINIMUM_DISK_GIB": "1"}
GIB = 1 << 30


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context on which nothing is in the way."""
    monkeypatch.setattr(preflight, "memory", lambda: Memory(8 * GIB, 8 * GIB))
    monkeypatch.setattr(preflight, "open_files", lambda: limits.VENDOR)
    monkeypatch.setattr(preflight, "listening", lambda: {22, 53})
    return context(tmp_path)


def context(volume: Path, full_name: str = "Mail.example.org\n", **more: str) -> Context:
    """Return a context whose `hostname --fqdn` inside says a name."""
    return make_context(volume, TABLE, {**NAMED, **more}, shell=Answering(volume, lambda _argv: full_name))


def test_nothing_in_the_way(ctx: Context) -> None:
    """Where nothing is in the way the evidence tells name, memory and files."""
    evidence = preflight.probe(ctx)
    assert evidence is not None
    assert evidence.summary == "mail.example.org, 8.0 GiB of memory, 524288 open files"
    preflight.apply(ctx)


def test_everything_at_once(tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is in the way is told in one message, each with its way out."""
    monkeypatch.setattr(preflight, "memory", lambda: Memory(2 * GIB, 16 * GIB))
    monkeypatch.setattr(preflight, "open_files", lambda: 1024)
    monkeypatch.setattr(preflight, "listening", lambda: {25, 443, 8080, 22})
    wrong = {"ZFLOW_ADMIN": "admin@example.com", "ZFLOW_RELEASE": "10.1", "ZFLOW_MINIMUM_DISK_GIB": str(1 << 20)}
    bad = context(tmp_path, "", **wrong)
    assert preflight.probe(bad) is None
    with pytest.raises(OperatorError) as caught:
        preflight.apply(bad)
    assert caught.value.code is codes.PREFLIGHT
    for words in (
        "calls itself 'nothing' (hostname --fqdn), the server is to be 'mail.example.org'",
        "--hostname mail.example.org",
        "admin@example.com is not of the first mail domain example.org",
        "no archive of Zimbra 10.1 for Ubuntu 18.04",
        "2.0 GiB of memory, at least 6 are wanted (ZFLOW_MINIMUM_MEMORY_GIB",
        "only 1024 open files",
        "free on the volume, at least 1048576 are wanted (ZFLOW_MINIMUM_DISK_GIB",
        "TCP ports already in use: 25, 443, 8080;",
    ):
        assert words in caught.value.detail
    assert len(preflight.findings(bad)) == 7


@pytest.mark.parametrize(("limit", "enough"), [(6 * GIB * 95 // 100, True), (6 * GIB * 93 // 100, False)])
def test_memory_is_nominal(ctx: Context, monkeypatch: pytest.MonkeyPatch, limit: int, enough: bool) -> None:
    """A machine of 6 GB, of which the kernel keeps some, passes; a smaller one does not."""
    monkeypatch.setattr(preflight, "memory", lambda: Memory(limit, 8 * GIB))
    assert (preflight.findings(ctx) == []) == enough


def test_install_begun(tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the installer has begun, room it took and ports its servers opened are no obstacle."""
    monkeypatch.setattr(preflight, "listening", lambda: set(preflight.PORTS))
    begun = context(tmp_path, ZFLOW_MINIMUM_DISK_GIB=str(1 << 20))
    assert len(preflight.findings(begun)) == 2
    write_history(tmp_path, session(1, complete=False))
    assert preflight.findings(begun) == []


def test_installed_server(tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proven server is not asked whether it could be installed."""
    monkeypatch.setattr(preflight, "memory", lambda: Memory(GIB, GIB))
    assert preflight.probe(ctx) is None
    write_server(tmp_path)
    assert preflight.probe(ctx) is not None


TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0
  12: 0100007F:D431 0100007F:01BB 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0
"""
TCP6 = """\
   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4 1 0
"""


def test_listening_tables(tmp_path: Path) -> None:
    """Ports that something listens on are read from both tables; those of connections are not."""
    (tmp_path / "tcp").write_text(TCP)
    (tmp_path / "tcp6").write_text(TCP6)
    assert preflight.listening((tmp_path / "tcp", tmp_path / "tcp6")) == {25, 8080, 443}
    assert preflight.listening((tmp_path / "absent",)) == set()


def test_listening_here() -> None:
    """A real socket is seen while it listens, and not after."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert port in preflight.listening()
    assert port not in preflight.listening()


@pytest.mark.parametrize(
    ("hard", "files"), [(1024, 1024), (limits.VENDOR, limits.VENDOR), (1 << 30, limits.VENDOR), (-1, limits.VENDOR)]
)
def test_open_files(monkeypatch: pytest.MonkeyPatch, hard: int, files: int) -> None:
    """The container's hard limit counts, up to what the vendor asks for."""
    assert resource.RLIM_INFINITY == -1
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (512, hard))
    assert limits.open_files() == files


def test_limits_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file follows the container's limit at every start, and its name is read after the vendor's."""
    ctx = make_context(tmp_path)
    for files in (524288, 65536):
        monkeypatch.setattr(limits, "open_files", lambda files=files: files)
        assert limits.probe(ctx) is None
        limits.apply(ctx)
        assert limits.probe(ctx) is not None
        lines = (tmp_path / limits.PLACE).read_text().splitlines()
        assert lines[1:] == [f"zimbra {kind} nofile {files}" for kind in ("soft", "hard")]
