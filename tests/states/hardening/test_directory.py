"""The directory asked without Java: by its socket while it runs, in its files while it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rehearsal.standin.runtime import store
from states.zimbra import directory
from states.zimbra.directory import CAT, SEARCH, entries
from tests.states.hardening.server import Server

ANSWERED = """\
dn: cn=config,cn=zimbra
zimbraHttpDosFilterMaxRequestsPerSec: 77
zimbraHttpThrottleSafeIPs: 10.1.2.3/32
zimbraHttpThrottleSafeIPs: 192.168.4.0/24
zimbraMtaSmtpdTlsProtocols: !SSLv2, !SSLv3
description:: YsO8cm8=
note: a value that is folded
  at a column

dn: dc=example,dc=com
zimbraDomainName: example.com
"""
"""As slapd 2.5 prints it, one value folded as slapcat does."""


def test_what_slapd_prints_is_read() -> None:
    """Several values, base64, and folded lines; comments and warnings between are nothing."""
    config, domain = entries(f"Warning: Password file /dev/stdin is publicly readable/writeable\n# x\n{ANSWERED}")
    assert config == {
        "dn": ("cn=config,cn=zimbra",),
        "zimbrahttpdosfiltermaxrequestspersec": ("77",),
        "zimbrahttpthrottlesafeips": ("10.1.2.3/32", "192.168.4.0/24"),
        "zimbramtasmtpdtlsprotocols": ("!SSLv2, !SSLv3",),
        "description": ("büro",),
        "note": ("a value that is folded at a column",),
    }
    assert domain["zimbradomainname"] == ("example.com",)
    assert entries("") == entries("ldap_bind: Invalid credentials (49)\n") == []


def test_why_the_socket_did_not_answer_is_logged(server: Server) -> None:
    """The files are read instead, and the log has the search's exit code and last message."""
    server.listening = False
    said: list[str] = []
    ctx = replace(server.context(), log=said.append)
    directory.read_config(ctx, ("zimbraHttpThrottleSafeIPs",))
    assert said == [f"{SEARCH} ended with 255: ldap_sasl_bind(SIMPLE): Can't contact LDAP server (-1)"]


@pytest.mark.parametrize("down", [False, True], ids=["running", "stopped"])
def test_the_same_is_read_of_a_server_that_runs_and_of_one_that_does_not(server: Server, down: bool) -> None:
    """Where the socket does not answer the files do; what is not set is empty, and no password is an argument."""
    server.run_tool("zmlocalconfig", "-f", "-e", "zimbra_ldap_password=pa ss&<wörd>")
    server.run_tool("zmdkimkeyutil", "-a", "-d", "example.test", "-s", "mine")
    server.run_tool("zmprov", "cd", "example.net")
    with store.opened(write=True) as found:
        found.create("server/mail.example.test", {"zimbraMtaMyNetworks": ["127.0.0.0/8"]})
        found.create("server/other.example.test", {"zimbraMtaMyNetworks": ["10.0.0.0/8"]})
        found.entries["config"]["zimbraReverseProxyResponseHeaders"] = ["X-A: ö", "X-B: 1"]
    server.listening = not down
    server.commands.clear()
    ctx = server.context()
    assert directory.read_config(ctx, ("zimbraReverseProxyResponseHeaders", "zimbraHttpThrottleSafeIPs")) == {
        "zimbraReverseProxyResponseHeaders": ("X-A: ö", "X-B: 1"),
        "zimbraHttpThrottleSafeIPs": (),
    }
    assert directory.read_server(ctx, "mail.example.test", "zimbraMtaMyNetworks") == ("127.0.0.0/8",)
    assert directory.selectors(ctx) == {"example.test": "mine", "example.net": ""}
    assert [argv[0] for argv in server.commands] == ([SEARCH, CAT[0]] if down else [SEARCH]) * 3
    assert not [word for argv in server.commands for word in argv if "wörd" in word]
