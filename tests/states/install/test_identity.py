"""The server's name for life, and its networks that follow the container's addresses."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states import server as names
from states.install import codes, identity, inodes, origin
from states.install import networks as networks_step
from states.install.networks import exchanged
from states.ubuntu.addresses import Addresses
from states.zimbra import localconfig, networks
from states.zimbra.directory import SEARCH
from tests.states.install.records import write_server
from tests.states.install.shells import Answering
from tests.support import make_context
from zflow.api import Context, Drift, Evidence, OperatorError

NAME = "mail.example.org"
HOSTS = f"127.0.0.1 localhost\n10.0.0.2 {NAME} mail container\n"
WORDS = st.lists(
    st.sampled_from(["127.0.0.0/8", "10.0.0.2/32", "10.0.0.3/32", "192.168.0.0/16", "[fd00::]/8"]), max_size=5
)


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context over an Ubuntu whose hosts file names the server."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts").write_text(HOSTS)
    monkeypatch.setattr(socket, "gethostname", lambda: "container")
    return context(tmp_path, NAME)


def context(volume: Path, name: str, shell: Answering | None = None) -> Context:
    """Return a context under a name."""
    return make_context(volume, names.SETTINGS, {"ZFLOW_HOSTNAME": name}, shell=shell)


@pytest.mark.parametrize(
    ("hosts", "asked", "found"),
    [
        (HOSTS, "mail", NAME),
        (HOSTS, NAME, NAME),
        (HOSTS, "mai", ""),
        (HOSTS, "10.0.0.2", ""),
        ("10.0.0.9 other mail\n" + HOSTS, "mail", "other"),
        ("#10.0.0.9 other mail\n" + HOSTS, "mail", NAME),
        ("10.0.0.9 other # mail\n" + HOSTS, "mail", NAME),
        ("10.0.0.9\n\n\t\n" + HOSTS, "mail", NAME),
        ("10.0.0.2\tmail.example.org\tmail", "mail", NAME),
        ("", "mail", ""),
    ],
)
def test_canonical(hosts: str, asked: str, found: str) -> None:
    """The first name on the first line that has the name is the full one; comments and addresses are no names."""
    assert identity.canonical(hosts, asked) == found


def test_nothing_installed(ctx: Context) -> None:
    """Before there is a proven server any name will do."""
    assert identity.installed_name(ctx) is None
    evidence = identity.probe(ctx)
    assert evidence is not None
    assert evidence.summary == "no server is installed yet"


def test_same_name(ctx: Context) -> None:
    """A server that comes back under its name is let on."""
    write_server(ctx.volume)
    assert identity.installed_name(ctx) == NAME
    assert identity.probe(ctx) is not None


@pytest.mark.parametrize(
    ("name", "hosts", "words"),
    [
        ("mx.example.org", HOSTS, "ZFLOW_HOSTNAME or the host name is mx.example.org"),
        (NAME, HOSTS.replace(NAME, "mx.example.org"), "`hostname --fqdn` in the Ubuntu is mx.example.org"),
        (NAME, "127.0.0.1 localhost\n", "`hostname --fqdn` in the Ubuntu is empty"),
    ],
)
def test_other_name(ctx: Context, name: str, hosts: str, words: str) -> None:
    """A server that comes back under another name, by either way of asking, is stopped before anything starts."""
    write_server(ctx.volume)
    (ctx.volume / "etc/hosts").write_text(hosts)
    other = context(ctx.volume, name)
    assert identity.probe(other) is None
    with pytest.raises(OperatorError) as caught:
        identity.apply(other)
    assert caught.value.code is codes.RENAMED
    assert caught.value.detail == f"installed as {NAME}, but {words}"


def test_a_copy_under_another_name_is_called_a_copy(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever copied a volume to make a second server is told so, and how to make one."""
    write_server(ctx.volume)
    monkeypatch.setattr(inodes, "inodes", lambda _ctx: {".zflow": 2})
    origin.apply(ctx)
    monkeypatch.setattr(inodes, "inodes", lambda _ctx: {".zflow": 1})
    with pytest.raises(OperatorError) as caught:
        identity.apply(context(ctx.volume, "mx.example.org"))
    assert caught.value.detail.endswith(
        "; this volume is a copy: its files have other inodes than at the last start: "
        "another server needs an empty volume"
    )


def test_torn_configuration(ctx: Context) -> None:
    """Without a name in the server's configuration there is none to compare with."""
    write_server(ctx.volume)
    for content in ("", "<localconfig>", '<key name="zimbra_server_hostname">'):
        (ctx.volume / localconfig.FILE).write_text(content)
        assert identity.installed_name(ctx) is None


@pytest.mark.parametrize(
    ("present", "before", "now", "after"),
    [
        ("127.0.0.0/8 10.0.0.2/32", "127.0.0.0/8 10.0.0.2/32", "127.0.0.0/8 10.0.0.3/32", "127.0.0.0/8 10.0.0.3/32"),
        (
            "127.0.0.0/8 192.168.0.0/16 10.0.0.2/32",
            "127.0.0.0/8 10.0.0.2/32",
            "127.0.0.0/8",
            "127.0.0.0/8 192.168.0.0/16",
        ),
        ("192.168.0.0/16", "", "127.0.0.0/8", "127.0.0.0/8 192.168.0.0/16"),
        ("", "10.0.0.2/32", "10.0.0.3/32", "10.0.0.3/32"),
    ],
)
def test_exchanged(present: str, before: str, now: str, after: str) -> None:
    """Our addresses of before give way to those of now; an operator's networks stay."""
    assert exchanged(present, before, now) == after


@given(WORDS, WORDS, WORDS)
def test_exchanged_in_general(present: list[str], before: list[str], now: list[str]) -> None:
    """Ours come first, nothing of the operator's is lost, nothing old of ours stays, twice is as good as once."""
    once = exchanged(" ".join(present), " ".join(before), " ".join(now))
    words = once.split()
    assert words[: len(now)] == now
    assert set(words) == set(now) | (set(present) - set(before))
    assert exchanged(once, " ".join(now), " ".join(now)) == once


def test_networks_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the address changes, the server's networks are written anew, an operator's with them, and remembered."""
    own = ["10.0.0.2"]
    monkeypatch.setattr(networks, "addresses", lambda: Addresses(tuple(own), six=False))
    (tmp_path / "opt/zimbra").mkdir(parents=True)
    present = ["127.0.0.0/8 [::1]/128 10.0.0.2/32 192.168.0.0/16"]

    def answer(argv: tuple[str, ...]) -> str:
        if argv[:4] == ("zmprov", "-l", "ms", NAME):
            present[0] = argv[-1]
        entry = f"dn: cn={NAME},cn=servers,cn=zimbra\n{networks_step.ATTRIBUTE}: {present[0]}\n"
        return entry if argv[0] == SEARCH else ""

    shell = Answering(tmp_path, answer)
    ctx = context(tmp_path, NAME, shell)
    assert networks_step.probe(ctx) is None
    networks.remember(ctx)
    assert networks_step.probe(ctx) == Evidence(networks.wanted())
    own[0] = "10.0.0.9"
    assert networks_step.probe(ctx) is None
    networks_step.apply(ctx)
    value = "127.0.0.0/8 [::1]/128 10.0.0.9/32 192.168.0.0/16"
    assert shell.commands[-4] == ("zmprov", "-l", "ms", NAME, networks_step.ATTRIBUTE, value)
    assert networks_step.probe(ctx) == Evidence(networks.wanted())
    present[0] = "127.0.0.0/8 192.168.0.0/16"
    assert networks_step.probe(ctx) == Drift(
        f"{networks_step.ATTRIBUTE} is 127.0.0.0/8 192.168.0.0/16, without [::1]/128 10.0.0.9/32"
    )
