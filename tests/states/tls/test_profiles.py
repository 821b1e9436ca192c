"""Protocols and ciphers as data."""

from __future__ import annotations

import subprocess

import pytest

from states.tls import profile
from states.zimbra.tools import differences


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
