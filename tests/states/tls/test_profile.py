"""Protocols and ciphers into the server: written where they differ, read back, and read by whom they concern."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from states.tls import codes, handshake, profile
from states.zimbra.tools import differences
from tests.states.tls.zimbra import Zimbra, context_of, make_host
from zflow.api import Drift, Evidence, TransientError


@pytest.fixture
def zimbra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zimbra:
    """Return a server with the vendor's values."""
    _, made = make_host(tmp_path, monkeypatch)
    made.attributes["zimbraMailboxdSSLProtocols"] = ["TLSv1", "TLSv1.1", "TLSv1.2", "SSLv2Hello"]
    return made


def test_written_once(zimbra: Zimbra) -> None:
    """The values are there afterwards, and a second look needs no command."""
    ctx = context_of(zimbra)
    assert profile.probe(ctx) is None
    profile.apply(ctx)
    assert zimbra.attributes["zimbraMailboxdSSLProtocols"] == ["TLSv1.2"]
    zimbra.commands.clear()
    assert isinstance(profile.probe(ctx), Evidence)
    assert zimbra.commands == []


def test_a_value_changed_by_hand_is_named_and_the_setting_named_with_it_leaves_it(zimbra: Zimbra) -> None:
    """The look of every start sees what the server has; the way out that it tells is a setting that works."""
    profile.apply(context_of(zimbra))
    zimbra.attributes["zimbraMtaSmtpdTlsCiphers"] = ["low"]
    told = profile.probe(context_of(zimbra))
    assert told == Drift(
        "zimbraMtaSmtpdTlsCiphers is low, not high; ZFLOW_KEEP_ATTRIBUTES=zimbraMtaSmtpdTlsCiphers keeps it as it is"
    )
    name, _, value = told.summary.split("; ")[1].split()[0].partition("=")
    keeping = context_of(zimbra, {name: value})
    profile.apply(keeping)
    assert zimbra.attributes["zimbraMtaSmtpdTlsCiphers"] == ["low"]
    assert isinstance(profile.probe(keeping), Evidence)
    profile.apply(context_of(zimbra))
    assert zimbra.attributes["zimbraMtaSmtpdTlsCiphers"] == ["high"]


@pytest.mark.parametrize("old", [True, False])
def test_the_store_is_restarted_if_it_must(old: bool, zimbra: Zimbra, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail store is restarted when it still speaks an old version, and left alone when it does not."""

    def served(port: int, *, version: ssl.TLSVersion | None = None) -> tuple[bytes, ...]:
        return (b"x",) if old and port == handshake.STORE and version is ssl.TLSVersion.TLSv1_1 else ()

    monkeypatch.setattr(handshake, "served", served)
    profile.apply(context_of(zimbra))
    assert ("zmmailboxdctl restart" in zimbra.commands) == old


def test_not_taken(zimbra: Zimbra, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the server reads other values afterwards, it is an error with their names."""
    monkeypatch.setattr(profile, "write_config", lambda *_: None)
    with pytest.raises(TransientError) as caught:
        profile.apply(context_of(zimbra))
    assert caught.value.code is codes.PROFILE
    assert "zimbraMailboxdSSLProtocols" in caught.value.detail


@pytest.mark.parametrize("name", profile.PROFILES)
@pytest.mark.parametrize("version", ["8.8.15.GA.3869", "9.0.0", "10.1.4"])
def test_no_old_protocol(name: str, version: str) -> None:
    """No profile offers less than TLS 1.2, and TLS 1.3 only where nginx knows the word."""
    wanted = profile.desired(name, version)
    offered = set(wanted["zimbraReverseProxySSLProtocols"])
    assert offered | set(wanted["zimbraMailboxdSSLProtocols"]) <= {"TLSv1.2", "TLSv1.3"}
    assert ("TLSv1.3" in offered) == version.startswith("10.")
    assert "TLSv1.2" in wanted["zimbraMailboxdSSLProtocols"]


@pytest.mark.parametrize("name", profile.PROFILES)
def test_ciphers_are_known_and_use_dh(name: str) -> None:
    """openssl knows every suite; each has forward secrecy and authenticated encryption; finite-field DH is used."""
    (ciphers,) = profile.desired(name, "8.8.15")["zimbraReverseProxySSLCiphers"]
    argv = ["openssl", "ciphers", "-v", "-s", "-tls1_2", ciphers]
    text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    known = {line.split()[0]: line for line in text.splitlines()}
    assert set(ciphers.split(":")) <= set(known)
    assert any("Kx=DH" in line for line in known.values())
    assert all("Mac=AEAD" in line for line in known.values())


def test_differences() -> None:
    """Only what differs is written; the order of a list's values is no difference."""
    want = profile.desired("intermediate", "10.1.0")
    assert differences(want, {name: values[::-1] for name, values in want.items()}) == {}
    have = {**want, "zimbraMtaSmtpdTlsCiphers": ("export",)}
    del have["zimbraMtaSmtpdTlsExcludeCiphers"]
    assert set(differences(want, have)) == {"zimbraMtaSmtpdTlsCiphers", "zimbraMtaSmtpdTlsExcludeCiphers"}
