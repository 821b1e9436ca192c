"""The stand-in's tools where they once answered otherwise than the vendor's text; its README has the lines."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rehearsal.standin.release import Release
from rehearsal.standin.runtime import host, localconfig, zmcertmgr, zmcontrol, zmdhparam
from tests.states.hardening.server import Server


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(tmp_path, monkeypatch)


def of_release(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "release", lambda: {"version": version})


@pytest.mark.parametrize("version", ["8.8.15", "9.0.0"])
def test_new_parameters_fail_before_10(version: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """openssl gets the number first in 8.8.15 and in 9.0.0: nothing is made, and the message names no reason."""
    of_release(version, monkeypatch)
    with pytest.raises(SystemExit) as ended:
        zmdhparam.main(["set", "-new", "2048", "-out", str(tmp_path / "dh.pem")])
    assert ended.value.code == 1
    assert not (tmp_path / "dh.pem").exists()


@pytest.mark.parametrize(("version", "taken"), [("8.8.15", False), ("9.0.0", False), ("10.1.0", True)])
def test_ec_keys_are_compared_from_10_1_on(
    version: str, taken: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Moduli are compared in 8.8.15 and in 9.0.0, and an EC key has none."""
    of_release(version, monkeypatch)
    monkeypatch.setattr(zmcertmgr, "OPENSSL", "openssl")
    key, certificate = tmp_path / "key", tmp_path / "crt"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    make += ["-subj", "/CN=x", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(make, check=True, capture_output=True)
    assert bool(zmcertmgr._public_key(key, certificate=False)) == taken


def test_zmconfigd_stops_first_and_the_directory_last() -> None:
    """The vendor's order of stopping is not that of starting the other way round."""
    assert zmcontrol.STOP_ORDER[0] == "zmconfigd"
    assert zmcontrol.STOP_ORDER[-1] == "ldap"
    assert set(zmcontrol.STOP_ORDER) == set(zmcontrol.START_ORDER)
    assert zmcontrol.STOP_ORDER.index("amavis") < zmcontrol.STOP_ORDER.index("antivirus")


def test_local_settings_are_gone_for_a_moment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is removed before the new one takes its place: a kill there leaves none."""
    localconfig.edit(zimbra_server_hostname="mail.example.test")

    rename = os.rename

    def killed(source: str, target: str) -> None:
        if target == str(localconfig.PATH):
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        localconfig.edit(zimbra_server_hostname="other.example.test")
    assert not localconfig.PATH.exists()


def test_dkim_keys_are_told_and_refused_in_the_vendors_words(server: Server) -> None:
    """An update says `added` as well, nothing is removed that is not there, and a selector is used once."""
    assert server.run_tool("zmdkimkeyutil", "-r", "-d", "example.test") == (
        1,
        "Error: Domain example.test doesn't have DKIM enabled.\n",
    )
    assert server.run_tool("zmdkimkeyutil", "-a", "-d", "example.test", "-s", "one")[0] == 0
    code, said = server.run_tool("zmdkimkeyutil", "-u", "-d", "example.test", "-s", "two")
    assert (code, said.splitlines()[0]) == (0, "DKIM Data added to LDAP for domain example.test with selector two")
    server.run_tool("zmprov", "cd", "example.net")
    assert server.run_tool("zmdkimkeyutil", "-a", "-d", "example.net", "-s", "two") == (
        1,
        "Error: Failed to update LDAP: Selector two is already in use.\n",
    )
    code, said = server.run_tool("zmdkimkeyutil", "-d", "example.test")
    assert (code, said[:6]) == (1, "Usage:")


def test_platforms_are_those_the_release_knows() -> None:
    """20.04 is unknown to 9.0.0, and 24.04 to 10.1.0, unless the archive was built for it by others."""
    assert Release("9.0.0", "18.04").known_platforms == ("12.04", "14.04", "16.04", "18.04")
    assert "24.04" not in Release("10.1.0", "22.04").known_platforms
    assert "24.04" in Release("10.1.0", "24.04").known_platforms
