"""The container's addresses in the server's configuration: who may relay, and whether it listens by IPv6."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from states import server
from states.install import networks as networks_step
from states.ubuntu.addresses import Addresses
from states.zimbra import directory, networks
from tests.states.install.shells import Answering, commands
from tests.support import make_context
from zflow.api import CommandError, Context, Evidence
from zflow.codes import COMMAND

ROOT = Path(__file__).parents[3]
FOUR = "127.0.0.0/8 [::1]/128 10.0.0.2/32"
BOTH = f"{FOUR} [fd00::2]/128"
TOLD = ["zmprov -l", "zmamavisdctl restart", "zmopendkimctl restart", "zmmtactl reload"]
"""Each of these has its own sections rendered; zmconfigd's minute may come too late, or not see the change."""
LISTEN = """\
import socket
from states.ubuntu.ports import listening, silent_over_ipv6
def listen(family, address, port):
    server = socket.socket(family)
    if family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, port != 587)
    server.bind((address, port))
    server.listen()
    return server
four = [listen(socket.AF_INET, "0.0.0.0", port) for port in (25, 443, 8080)]
local = [listen(socket.AF_INET, "127.0.0.1", 80)]
six = [listen(socket.AF_INET6, address, port) for address, port in (("::", 443), ("::1", 25), ("::", 587))]
print(sorted(listening()), silent_over_ipv6())
"""


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context of a server that was IPv4's alone, and is now in a container with both."""
    (tmp_path / "opt/zimbra").mkdir(parents=True)
    (tmp_path / networks.MARK).write_text(f"{FOUR}\n")
    for module in (networks, networks_step):
        monkeypatch.setattr(module, "wanted", lambda: BOTH)
    monkeypatch.setattr(networks_step, "silent_over_ipv6", lambda: [25, 443])
    held = [f"{FOUR} 192.0.2.0/24"]

    def answer(argv: tuple[str, ...]) -> str:
        if networks_step.ATTRIBUTE in argv and argv[0] == "zmprov":
            held.append(argv[-1])
        return f"dn: cn=mail.example.org,cn=servers,cn=zimbra\n{networks_step.ATTRIBUTE}: {held[-1]}\n"

    environment = {"ZFLOW_HOSTNAME": "mail.example.org"}
    return make_context(tmp_path, server.SETTINGS, environment, shell=Answering(tmp_path, answer))


def orders(ctx: Context) -> list[tuple[str, ...]]:
    """Return what was run that is no mere look into the directory."""
    return [argv for argv in commands(ctx) if argv[0] != directory.SEARCH]


@pytest.mark.root
def test_who_listens_by_which_family() -> None:
    """By the kernel's own tables: a port on a loopback address is no open one, one socket may serve both families."""
    argv = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" -c "$1"', sys.executable, LISTEN]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "[25, 80, 443, 587, 8080] [25]\n", done.stderr


def test_ipv6_given_later(ctx: Context) -> None:
    """A server that was installed without IPv6 listens by it once the container has it, by the vendor's own way."""
    assert networks_step.probe(ctx) is None
    networks_step.apply(ctx)
    assert orders(ctx) == [
        ("zmprov", "-l", "ms", "mail.example.org", "zimbraMtaMyNetworks", f"{BOTH} 192.0.2.0/24"),
        ("zmprov", "-l", "ms", "mail.example.org", "zimbraIPMode", "both"),
        ("/opt/zimbra/libexec/zmiptool",),
        ("zmcontrol", "restart"),
    ]


def test_a_list_of_names_goes_before_ipv6(ctx: Context) -> None:
    """With both families nginx would not start on it any more: nothing is restarted, and what to type turns it off."""
    assert isinstance(ctx.shell, Answering)
    before = ctx.shell.answer
    ctx.shell.answer = lambda argv: f"{before(argv)}{networks.STRICT}: TRUE\n"
    networks_step.apply(ctx)
    assert [" ".join(argv[:2]) for argv in orders(ctx)] == TOLD
    evidence = networks_step.probe(ctx)
    assert isinstance(evidence, Evidence)
    (told,) = evidence.notices
    assert f"'zmprov ms mail.example.org {networks.STRICT} FALSE zimbraIPMode both; /opt/" in told
    assert told.endswith(f"`; {networks.STRICT} is on and must be off for it")
    ctx.shell.answer = before
    evidence = networks_step.probe(ctx)
    assert isinstance(evidence, Evidence)
    assert "'zmprov ms mail.example.org zimbraIPMode both; /opt/" in evidence.notices[0]


def test_what_still_does_not_listen_is_told(ctx: Context) -> None:
    """It is not tried again and again, for the mode may be the operator's choice by then; it is told."""
    networks_step.apply(ctx)
    evidence = networks_step.probe(ctx)
    assert isinstance(evidence, Evidence)
    (told,) = evidence.notices
    assert "do not listen on it: 25, 443" in told
    (ctx.volume / networks.MARK).write_text(f"{BOTH} [fd00::9]/128\n")
    before = len(orders(ctx))
    networks_step.apply(ctx)
    assert [" ".join(argv[:2]) for argv in orders(ctx)[before:]] == TOLD


def test_a_directory_that_does_not_answer_stops_nothing(ctx: Context, tmp_path: Path) -> None:
    """The firewall opens after this step: what was written once counts, and that nobody could be asked is told."""
    networks_step.apply(ctx)
    error = CommandError(COMMAND, (directory.CAT[0],), 1, "mdb_env_open failed\n")
    mute = make_context(
        tmp_path, server.SETTINGS, {"ZFLOW_HOSTNAME": "mail.example.org"}, shell=Answering(tmp_path, lambda _: error)
    )
    seen = networks_step.STEP.probe(mute)
    assert seen == Evidence("as written last", (f"the directory does not answer: {error.detail}",))
    (tmp_path / networks.MARK).write_text(f"{FOUR}\n")
    assert networks_step.STEP.probe(mute) is None


@pytest.mark.parametrize(("now", "silent"), [(FOUR, [25]), (BOTH, [])])
def test_nothing_to_tell(ctx: Context, monkeypatch: pytest.MonkeyPatch, now: str, silent: list[int]) -> None:
    """Without an IPv6 address nobody comes by it, and where all ports listen the server is not restarted."""
    for module in (networks, networks_step):
        monkeypatch.setattr(module, "wanted", lambda: now)
    monkeypatch.setattr(networks_step, "silent_over_ipv6", lambda: silent)
    networks_step.apply(ctx)
    assert [" ".join(argv[:2]) for argv in orders(ctx)] == TOLD
    evidence = networks_step.probe(ctx)
    assert isinstance(evidence, Evidence)
    assert evidence.notices == ()


@pytest.mark.parametrize(
    ("now", "mark", "told"),
    [
        (("fd00::2",), FOUR, True),
        (("fd00::2",), BOTH, False),
        (("10.0.0.2", "fd00::2"), FOUR, False),
        (("10.0.0.2",), FOUR, False),
        ((), FOUR, False),
        (("fd00::2",), None, False),
    ],
)
def test_ipv6_alone(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, now: tuple[str, ...], mark: str | None, told: bool
) -> None:
    """A server of IPv4 cannot start where there is only IPv6, and that is told before it fails to."""
    monkeypatch.setattr(networks, "addresses", lambda: Addresses(now, six=True))
    (ctx.volume / networks.MARK).unlink()
    if mark is not None:
        (ctx.volume / networks.MARK).write_text(mark)
    assert (networks.family_lost(ctx) is not None) == told
