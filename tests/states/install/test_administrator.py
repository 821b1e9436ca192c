"""A password setting that changed after the install is compared, said, and never applied."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from states import server
from states.install import administrator, password
from states.zimbra.settings import SETTINGS
from tests.states.install.records import write_server
from tests.states.install.shells import Answering, commands
from tests.support import make_context
from zflow.api import Context, Secret

FIRST, SECOND = "first-pass-phrase", "second-pass-phrase"


def stored(password: str, algorithm: str = "sha512", scheme: str = "SSHA512") -> str:
    """Return a password as the directory keeps it."""
    salt = b"12345678"
    digest = hashlib.new(algorithm, password.encode() + salt).digest()
    return f"{{{scheme}}}{base64.b64encode(digest + salt).decode()}"


def context(volume: Path, setting: str | None, *, real: str = FIRST) -> Context:
    """Return a context with a setting, over a server whose administrator has the `real` password."""
    shell = Answering(volume, lambda _argv: f"# name admin@example.org\nuserPassword: {stored(real)}\n")
    environment = {"ZFLOW_HOSTNAME": "mail.example.org"} | ({"ZFLOW_ADMIN_PASSWORD": setting} if setting else {})
    return make_context(volume, (*server.SETTINGS, *SETTINGS), environment, shell=shell)


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make guesses cheap: these tests are no attackers."""
    monkeypatch.setattr(password, "COST", 2)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """Return a volume whose server was installed with the first password."""
    write_server(tmp_path)
    password.agree(context(tmp_path, FIRST))
    return tmp_path


@pytest.mark.parametrize("setting", [FIRST, None])
def test_nothing_changed(volume: Path, setting: str | None) -> None:
    """The installed setting, or none, costs no question, whatever the administrator did since in the web interface."""
    ctx = context(volume, setting, real="chosen-in-the-web-interface")
    for look in (administrator.probe, administrator.audit):
        found = look(ctx)
        assert found is not None
        assert found.notices == ()
    assert commands(ctx) == []


def test_another_setting_is_told_and_not_applied(volume: Path) -> None:
    """A setting that is not the administrator's password leads to a notice with the command, and to no change."""
    ctx = context(volume, SECOND)
    assert administrator.probe(ctx) is None
    administrator.apply(ctx)
    found = administrator.probe(ctx)
    assert found is not None
    assert "ZFLOW_ADMIN_PASSWORD is not the administrator's password" in found.line
    assert "`zflow shell su - zimbra -c zmprov` and at its prompt `sp admin@example.org PASSWORD`" in found.line
    assert {words[2] for words in commands(ctx)} == {"ga"}
    assert administrator.audit(ctx) == found


def test_the_notice_ends_when_the_password_was_set(volume: Path) -> None:
    """Once the administrator has the setting's password the thorough look finds out, and there is peace."""
    administrator.apply(context(volume, SECOND))
    ctx = context(volume, SECOND, real=SECOND)
    assert administrator.audit(ctx) is None
    administrator.apply(ctx)
    found = administrator.audit(ctx)
    assert found is not None
    assert found.notices == ()


def test_a_server_from_before_there_was_a_comparison(tmp_path: Path) -> None:
    """Where nothing is written down the directory is asked; the right setting is then known."""
    write_server(tmp_path)
    ctx = context(tmp_path, FIRST)
    assert administrator.probe(ctx) is None
    administrator.apply(ctx)
    found = administrator.probe(ctx)
    assert found is not None
    assert found.notices == ()


def test_no_password_lies_on_the_volume(volume: Path) -> None:
    """What is kept is salted hashes for root's eyes."""
    administrator.apply(context(volume, SECOND))
    path = volume / ".zflow/admin-password.json"
    assert path.stat().st_mode & 0o077 == 0
    assert not any(each in path.read_text() for each in (FIRST, SECOND))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (stored(FIRST), True),
        (stored(SECOND), False),
        (stored(FIRST, "sha1", "SSHA"), True),
        (stored(FIRST, "sha1"), False),
        (FIRST, False),
        ("{SSHA512}" + FIRST, False),
        ("{SSHA512}", False),
        ("{CRYPT}x", False),
        ("", False),
    ],
)
def test_forms_of_the_directory(text: str, same: bool) -> None:
    """Both of the vendor's forms are understood; what is none of them is no password of anybody."""
    assert password.matches(text, Secret(FIRST)) == same
