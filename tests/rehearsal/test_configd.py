"""zmconfigd of the stand-in, as the vendor's loop is: zm-jython 8.8.15, and zmconfigd.cf of zm-ldap-utilities."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from rehearsal.standin.runtime import configd, host, localconfig, proxyconf, rewrite, store
from states.tls import hsts, profile
from states.tls.profile import desired

HOST = "mail.example.test"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a server whose zmconfigd has made its first turn."""
    for folder in ("conf/zmconfigd", "common/conf", "mailboxd/etc", "data/ldap"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("SENDER_RESTRICTIONS", "SENDER_LOGIN_MAPS"):
        monkeypatch.setattr(rewrite, name, tmp_path / f"conf/zmconfigd/{name}")
        (tmp_path / f"conf/zmconfigd/{name}").write_text("")
    for name, place in (
        ("NGINX", "conf/nginx.conf"), ("DHPARAM", "conf/dhparam.pem"), ("JETTY", "mailboxd/etc/jetty.xml"),
        ("POSTFIX", "common/conf"),
    ):  # fmt: skip
        monkeypatch.setattr(proxyconf if hasattr(proxyconf, name) else rewrite, name, tmp_path / place)
    monkeypatch.setattr(host, "CONF", tmp_path / "conf")
    monkeypatch.setattr(host, "USER", "root")
    monkeypatch.setattr(localconfig, "get", lambda name: {"zimbra_server_hostname": HOST}.get(name, ""))
    monkeypatch.setattr(store, "DATABASE", tmp_path / "data/ldap/data.mdb")
    monkeypatch.setattr(configd, "_seen", {})
    with store.opened(write=True) as directory:
        directory.create("config", {key: ["443"] for key in rewrite._PROXY} | {"zimbraReverseProxyMailMode": ["https"]})
        directory.create(f"server/{HOST}", {})
    change(zimbraSSLDHParam=[base64.b64encode(b"old").decode()])
    configd.begin()
    return tmp_path


def change(**attributes: list[str]) -> None:
    """Set attributes of the global configuration."""
    with store.opened(write=True) as directory:
        directory.entries["config"] |= attributes


def rendered(home: Path) -> dict[str, bool]:
    """Tell which files have the new values."""
    return {
        "dhparam": (home / "conf/dhparam.pem").read_text() == "new",
        "proxy": "TLSv1.9" in (home / "conf/nginx.conf").read_text(),
        "mta": "!SSLv9" in (home / "common/conf/main.cf").read_text(),
        "mailbox": "TLSv1.9" in (home / "mailboxd/etc/jetty.xml").read_text(),
    }


def change_all() -> None:
    """Change something that is rendered into each file."""
    change(
        zimbraSSLDHParam=[base64.b64encode(b"new").decode()],
        zimbraReverseProxySSLProtocols=["TLSv1.9"],
        zimbraMtaSmtpdTlsProtocols=["!SSLv9"],
        zimbraMailboxdSSLProtocols=["TLSv1.9"],
    )


def test_a_request_renders_what_it_names_and_loses_the_rest(home: Path) -> None:
    """The parameters come with every turn; what changed beside the named section comes only when it is named."""
    change_all()
    assert configd.answer("REWRITE proxy\n") == "SUCCESS REWRITES COMPLETE"
    named = {"dhparam": True, "proxy": True, "mta": False, "mailbox": False}
    assert rendered(home) == named
    configd.by_itself()
    assert rendered(home) == named
    configd.answer("REWRITE mta mailbox\n")
    assert all(rendered(home).values())


WRITTEN = dict.fromkeys(desired("intermediate", "8.8.15"), profile.SECTIONS) | {hsts.ATTRIBUTE: ("proxy",)}
"""What zflow writes, and the sections that it then asks for."""


@pytest.mark.parametrize("name", WRITTEN)
def test_what_zflow_writes_is_rendered_by_what_it_asks_for(home: Path, name: str) -> None:
    """Each value comes into a file by the sections that its step names, without waiting for a minute."""
    before = files(home)
    change(**{name: ["X-Other: other"]})
    configd.answer(f"REWRITE {' '.join(WRITTEN[name])}")
    (changed,) = (path for path, text in files(home).items() if text != before[path])
    assert "other" in files(home)[changed]


def files(home: Path) -> dict[Path, str]:
    """Return what is rendered."""
    return {path: path.read_text() for path in home.rglob("*") if path.is_file() and path.name != "data.mdb"}


def test_the_minute_renders_what_it_sees_change(home: Path) -> None:
    """Without a request all comes by itself, but what zmconfigd.cf does not name: the protocols of the mail store."""
    change_all()
    configd.by_itself()
    assert rendered(home) == {"dhparam": True, "proxy": True, "mta": True, "mailbox": False}
