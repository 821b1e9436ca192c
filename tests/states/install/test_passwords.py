"""The administrator's password on its way from the setting to a login, by the tools of the stand-in as processes."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.standin.runtime.entries import fits
from states import server
from states.install import administrator, choices
from states.install import password as comparison
from states.zimbra.proof import BEGUN, DATA
from states.zimbra.settings import FORBIDDEN, GENERATED, SETTINGS
from tests.states.install.records import write_server
from tests.states.install.shells import Outside
from tests.support import make_context
from zflow.api import Context, OperatorError, Result, Secret
from zflow.settings import load

ROOT = Path(__file__).parents[3]
ADMIN = "admin@example.org"
TABLE = (*server.SETTINGS, *SETTINGS)
ZMPROV = """\
#!{python}
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from rehearsal.standin.runtime import host, store, zmprov
home = Path({home!r})
host.listens = lambda port: not (home / str(port)).exists()
store.DATABASE = home / "ldap/data.mdb"
sys.exit(zmprov.main(sys.argv[1:]))
"""
"""The stand-in's command over a folder; a file of a port's number takes that port's server down."""
ALLOWED = "".join(chr(code) for code in range(0x21, 0x7F) if not FORBIDDEN.search(chr(code)))


class Vendor(Outside):
    """Runs the vendor's commands in the environment of the vendor's user, and keeps what the log would have."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.logged: list[str] = []
        self._log = self.logged.append

    def chroot(self, *argv: str, user: str | None = None, **options: Any) -> Result:
        """Run a command with the locale of the vendor's .bash_profile."""
        assert user == "zimbra"
        path = f"{self._root}/bin:/usr/bin:/bin"
        words = ("sh", "-c", " ".join(map(shlex.quote, argv)))
        return self.run(*words, env={"PATH": path, "LANG": "C", "LC_ALL": "C"}, **options)


@pytest.fixture
def volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the volume of a server that has no administrator yet."""
    monkeypatch.setattr(comparison, "COST", 2)
    write_server(tmp_path)
    (tmp_path / "bin").mkdir()
    zmprov = tmp_path / "bin/zmprov"
    zmprov.write_text(ZMPROV.format(python=sys.executable, root=str(ROOT), home=str(tmp_path)))
    zmprov.chmod(0o755)
    (tmp_path / "ldap").mkdir()
    (tmp_path / "ldap/data.mdb").write_text(
        '{"config": {"zimbraDefaultDomainName": ["example.org"]}, "domain/example.org": {},'
        ' "cos/default": {"zimbraPasswordMinLength": ["6"], "zimbraPasswordMaxLength": ["64"]}}'
    )
    return tmp_path


def context(volume: Path, password: str | None = None) -> Context:
    """Return a context with that password as the setting."""
    environment = {"ZFLOW_HOSTNAME": "mail.example.org"}
    if password is not None:
        environment["ZFLOW_ADMIN_PASSWORD"] = password
    return make_context(volume, TABLE, environment, shell=Vendor(volume))


def create(volume: Path, password: str) -> Result:
    """Make the administrator as zmsetup.pl does: by a line for a shell (zmsetup.pl 8.8.15, 6681)."""
    line = f"zmprov -r -m -l ca {ADMIN} '{password}' zimbraIsAdminAccount TRUE"
    return Vendor(volume).chroot("sh", "-c", line, user="zimbra", ok=range(256))


def stored(volume: Path) -> str:
    """Return the hash that the directory has."""
    shown = Vendor(volume).chroot("zmprov", "-l", "ga", ADMIN, "userPassword", user="zimbra").output
    return shown.partition("userPassword: ")[2].split("\n")[0]


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("pässwort-lang", "has a blank or a character that Zimbra's installer would change"),
        ("x" * 65, "the password has 65 characters; it takes 8 to 64"),
        ("seven77", "the password has 7 characters; it takes 8 to 64"),
        ("with blank", "has a blank or a character"),
        ("ends-with-one ", "has a blank or a character"),
        *((f"before{each}after", "has a blank or a character") for each in "'\"$\\`|\t\x7f\u00a0\u200b"),
    ],
)
@pytest.mark.parametrize("where", ["variable", "file", "settings"])
def test_a_password_that_would_not_arrive_is_refused(tmp_path: Path, password: str, told: str, where: str) -> None:
    """Where settings are read, before anything is made: by the setting's name and source, without the password."""
    environment = {}
    if where == "variable":
        environment["ZFLOW_ADMIN_PASSWORD"] = password
    elif where == "file":
        (tmp_path / "password").write_text(f"{password}\n")
        environment["ZFLOW_ADMIN_PASSWORD_FILE"] = str(tmp_path / "password")
    else:
        (tmp_path / "app").mkdir()
        quoted = password.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\x7f", "\\u007f")
        (tmp_path / "app/settings.toml").write_text(f'admin_password = "{quoted}"\n')
    with pytest.raises(OperatorError) as refused:
        load(TABLE, environment, tmp_path).insist()
    assert refused.value.code.id == "ZF-1001"
    assert refused.value.detail.startswith("ZFLOW_ADMIN_PASSWORD")
    assert told in refused.value.detail
    assert password.strip() not in refused.value.detail


@pytest.mark.parametrize("password", ["-8dashes", ALLOWED[:45], ALLOWED[45:], "x" * 64, "{}[]*?#!&;<>()"])
def test_an_accepted_password_logs_in(volume: Path, password: str) -> None:
    """What the setting takes is what the directory has, through shells, the C locale and the vendor's limits."""
    ctx = context(volume, password)
    assert create(volume, password).code == 0
    assert fits(stored(volume), password)
    comparison.agree(ctx)
    found = administrator.probe(ctx)
    assert found is not None
    assert found.notices == ()
    assert isinstance(ctx.shell, Vendor)
    assert not any(password in line for line in ctx.shell.logged)


def test_what_the_locale_makes_of_a_letter_beyond_ascii(volume: Path) -> None:
    """The reason for the rule: the directory has two U+FFFD for the umlaut, and nobody can log in."""
    assert create(volume, "pässwort-lang").code == 0
    assert fits(stored(volume), "p\ufffd\ufffdsswort-lang")
    assert not fits(stored(volume), "pässwort-lang")


@pytest.mark.parametrize(("password", "told"), [("x" * 65, "too long"), ("12345", "too short")])
def test_the_vendors_limits(volume: Path, password: str, told: str) -> None:
    """An account is not made with a password against the policy; an administrator's word sets one, and says so."""
    made = create(volume, password)
    assert (made.code, made.output) == (2, f"ERROR: account.INVALID_PASSWORD (invalid password: {told})\n")
    create(volume, "long-enough")
    said = Vendor(volume).chroot("zmprov", "sp", ADMIN, password, user="zimbra").output
    assert f"violation=invalid password: {told}" in said
    assert fits(stored(volume), password)


@pytest.mark.parametrize("chosen", [True, False], ids=["setting", "generated"])
def test_a_login_that_fails_after_the_install_is_told(volume: Path, chosen: bool) -> None:
    """It is tried and not assumed: the notice names the setting or the secret; the right password ends it."""
    create(volume, "somebody-elses")
    ctx = context(volume, "of-the-setting" if chosen else None)
    if not chosen:
        ctx.secrets.put(GENERATED, Secret("of-the-setting"))
    comparison.keep(ctx, same=True)  # by an attempt that was cut off before its server was thrown away
    comparison.agree(ctx)
    found = administrator.probe(ctx)
    assert found is not None
    source = "ZFLOW_ADMIN_PASSWORD" if chosen else "/data/.zflow/secrets/admin_password"
    assert found.notices[0].startswith(f"{source} is not the administrator's password")
    said = Vendor(volume).chroot("zmprov", user="zimbra", stdin=f"sp {ADMIN} of-the-setting\nexit\n")
    assert "ERROR" not in said.output
    assert administrator.audit(ctx) is None
    administrator.apply(ctx)
    found = administrator.probe(ctx)
    assert found is not None
    assert found.notices == ()


@pytest.mark.parametrize(("real", "same"), [("of-the-setting", True), ("somebody-elses", False)])
def test_an_admin_service_that_does_not_answer(
    volume: Path, monkeypatch: pytest.MonkeyPatch, real: str, same: bool
) -> None:
    """The directory's hash decides where nobody can log in."""
    monkeypatch.setattr(comparison, "PATIENCE", 0.0)
    create(volume, real)
    (volume / "7071").touch()
    ctx = context(volume, "of-the-setting")
    assert comparison.logs_in(ctx) == same


def test_what_nobody_set_is_not_compared_on_a_server_of_before(volume: Path) -> None:
    """A generated password that its administrator changed is theirs, where no login was written down."""
    create(volume, "their-own-one")
    ctx = context(volume)
    ctx.secrets.put(GENERATED, Secret("of-the-install"))
    found = administrator.probe(ctx)
    assert found is not None
    assert found.notices == ()


REFUSED = [
    ({}, b"\xef\xbb\xbflong-enough\n"),
    ({}, b"long-enough\r\n"),
    ({}, b"long-enough \n"),
    ({}, "p\u00e4sswort-lang".encode()),
    ({}, b"x" * 65),
    ({"ZFLOW_ADMIN": "~a&b@example.org"}, b"long-enough"),
]
"""Settings that an install cannot do, with the content of the password's file."""


@pytest.mark.parametrize("state", ["proven", "its proof is lost", "an attempt is under way", "new"])
@pytest.mark.parametrize(("environment", "content"), REFUSED)
def test_what_only_an_install_uses_keeps_no_server_down(
    tmp_path: Path, environment: dict[str, str], content: bytes, state: str
) -> None:
    """A server that is there starts, and is told of it by the setting's name; without one nothing is begun."""
    if state == "proven":
        write_server(tmp_path)
    elif state != "new":
        (tmp_path / DATA[0]).mkdir(parents=True)
    (tmp_path / "file").write_bytes(content)
    named = next(iter(environment), "ZFLOW_ADMIN_PASSWORD")
    password = {"ZFLOW_ADMIN_PASSWORD_FILE": str(tmp_path / "file"), "ZFLOW_HOSTNAME": "mail.example.org"}
    ctx = make_context(tmp_path, TABLE, password | environment)
    if state == "an attempt is under way":
        (ctx.home / BEGUN).touch()
    if state in {"proven", "its proof is lost"}:
        choices.accept(ctx)
        seen = choices.probe(ctx)
        assert [each.partition(":")[0].partition(",")[0] for each in seen.notices] == [named]
        assert content.decode().strip("\ufeff\r\n ") not in seen.line
        return
    with pytest.raises(OperatorError) as refused:
        choices.accept(ctx)
    assert refused.value.code.id == "ZF-1001"
    assert refused.value.detail.startswith(named)


def test_settings_that_an_install_can_do_are_nothing_to_tell(tmp_path: Path) -> None:
    """On a new volume they are accepted, and nothing is told."""
    ctx = make_context(tmp_path, TABLE, {"ZFLOW_ADMIN_PASSWORD": "long-enough"})
    choices.accept(ctx)
    assert choices.probe(ctx).notices == ()


@given(st.text("ab.-+_=/%^#~&{}!*?", min_size=1, max_size=8))
def test_an_administrators_address_reaches_the_shell_as_it_is(local: str) -> None:
    """zmsetup.pl names the account to a shell without quotes: what the setting takes means itself there."""
    address = f"{local}@example.org"
    try:
        server.creatable(address)
    except ValueError:
        return
    argv = ["bash", "-c", f"printf '%s\\n' {address}"]
    assert subprocess.run(argv, capture_output=True, text=True, check=True, cwd="/").stdout == f"{address}\n"


@pytest.mark.parametrize("local", ["a&b", "#a", "~a", "{a..b}"])
def test_an_address_that_the_shell_would_change_is_refused(tmp_path: Path, local: str) -> None:
    """By the setting's name, where settings are read."""
    with pytest.raises(OperatorError) as refused:
        load(TABLE, {"ZFLOW_ADMIN": f"{local}@example.org"}, tmp_path).insist()
    assert refused.value.detail.startswith("ZFLOW_ADMIN: ")
