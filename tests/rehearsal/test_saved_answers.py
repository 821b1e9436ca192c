"""The stand-in's copy of the answers has what the vendor's has (zmsetup.pl 8.8.15: 353-380)."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from rehearsal.standin.runtime import host, zmsetup


def test_passwords_in_small_letters_are_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They stay in a file of root's own; those in capitals, and the packages that were asked for, do not."""
    monkeypatch.setattr(host, "HOME", tmp_path)
    config = {
        "ldap_nginx_password": "one",
        "LDAPROOTPASS": "two",
        "INSTALL_PACKAGES": "asked",
        "HOSTNAME": "mail.example.org",
    }
    said: list[str] = []
    session = SimpleNamespace(
        config=config, status=SimpleNamespace(packages=["zimbra-ldap", "zimbra-core"]), progress=said.append
    )
    zmsetup._save_config(session)  # type: ignore[arg-type]
    (path,) = tmp_path.glob("config.*")
    assert path.read_text() == (
        'HOSTNAME="mail.example.org"\nldap_nginx_password="one"\nINSTALL_PACKAGES="zimbra-core zimbra-ldap "\n'
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert "".join(said) == f"Saving config in {path}...done.\n"
