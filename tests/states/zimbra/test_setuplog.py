"""zmsetup.pl's own log: closed to others while it runs, its end in the step's log, its reasons in the message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from states.zimbra import installers, setuplog
from states.zimbra.setuplog import Ran
from tests.states.install.shells import Outside, no_firewall
from tests.support import make_context
from zflow.api import Context, TransientError
from zflow.output import log_file
from zflow.secret import Redactor, Secret

NAME = "tmp/zmsetup.20261130-125301.log"
AT = "Mon Nov 30 12:53:01 2026 "
LOG = f"""\
{AT}Operations logged to /{NAME}
{AT}Setting local config values...
{AT}Setting local config mailboxd_keystore_password to kept-by-zflow
{AT}*** Running as zimbra user: zmlocalconfig -f -e mailboxd_keystore_password='kept-by-zflow' 2> /dev/null
{AT}Skipping update of unchanged value for ldap_nginx_password=chosen-in-the-menu.
{AT}done.
{AT}Creating root alias...
{AT}*** Running as zimbra user: /opt/zimbra/bin/zmprov -r -m -l aaa admin@example.org root@example.org
ERROR: account.ACCOUNT_EXISTS (email address already exists: root@example.org)
{AT}failed.
{AT}Setting up syslog.conf...
{AT}*** Running as root user: /opt/zimbra/libexec/zmsyslogsetup
Unescaped left brace in regex is illegal here at /opt/zimbra/libexec/zmsyslogsetup line 190.
{AT}Failed
{AT}Starting servers...
Starting mta...failed.
{AT}done.
"""
"""As the vendor writes one: each piece of a printed line by itself, and what commands print without a time."""
FAILURES = [
    "Creating root alias...failed. (ERROR: account.ACCOUNT_EXISTS (email address already exists: root@example.org))",
    "Setting up syslog.conf...Failed (Unescaped left brace in regex is illegal here at "
    "/opt/zimbra/libexec/zmsyslogsetup line 190.)",
]


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Return a context whose commands run outside, with a log of its own that knows one secret."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    redactor = Redactor()
    redactor.learn(Secret("kept-by-zflow"))
    found = make_context(tmp_path, shell=Outside(tmp_path))
    return replace(found, log=log_file(tmp_path / "step.log", redactor.clean, found.clock))


@pytest.fixture
def program(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what puts a script in the place of zmsetup.pl; it has the log's path, and a text for it on the disk."""
    path = ctx.volume / "zmsetup"
    (ctx.volume / "text").write_text(LOG)
    monkeypatch.setattr(installers, "ZMSETUP", str(path))

    def put(script: str) -> None:
        lines = f"umask 022\nlog={ctx.volume}/{NAME}\ntext={ctx.volume}/text\nname=/{NAME}\n"
        path.write_text(f"#!/bin/sh\n{lines}{script}\n")
        path.chmod(0o755)

    return put


def mode(path: Path) -> int:
    """Return a file's rights."""
    return path.stat().st_mode & 0o777


def test_the_log_is_closed_before_a_password_is_in_it(ctx: Context, program: Callable[[str], None]) -> None:
    """The program opens it to everybody; it finds it closed when it has seen the line that names it be read."""
    program(
        ': >"$log"; echo "Operations logged to $name"\n'
        'for n in $(seq 500); do [ "$(stat -c %a "$log")" = 600 ] && break; sleep 0.02; done\n'
        'stat -c %a "$log"; cat "$text" >>"$log"'
    )
    ran = setuplog.run(ctx, "/answers", lambda _line: None, no_firewall)
    assert ran.output.splitlines()[-1] == "600"
    assert mode(ctx.volume / NAME) == 0o600


def test_its_copy_of_the_answers_is_removed(ctx: Context, program: Callable[[str], None]) -> None:
    """It has passwords; one that an operator saved from the menu stays."""
    saved = ctx.volume / "opt/zimbra/config.1234"
    saved.parent.mkdir(parents=True)
    (saved.parent / "config.99").touch()
    program(f'echo x >{saved}; echo "Saving config in /opt/zimbra/config.1234...done."')
    setuplog.run(ctx, "/answers", lambda _line: None, no_firewall)
    assert [path.name for path in saved.parent.iterdir()] == ["config.99"]


@pytest.mark.parametrize("end", ["exit 0", "exit 1", "kill -KILL $$"])
def test_its_end_is_in_the_steps_log_without_passwords(ctx: Context, program: Callable[[str], None], end: str) -> None:
    """However it ends; a secret of zflow's is blotted out there, and so is one that only the server knows."""
    program(f'cat "$text" >"$log"; echo "Operations logged to $name"; {end}')
    try:
        ran = setuplog.run(ctx, "/answers", lambda _line: None, no_firewall)
    except TransientError:
        assert end.startswith("kill")
    else:
        assert setuplog.failures(ran) == FAILURES
    kept = (ctx.volume / "step.log").read_text()
    assert "zmsetup.log: Unescaped left brace in regex is illegal here" in kept
    assert "mailboxd_keystore_password to ***" in kept
    assert "kept-by-zflow" not in kept
    assert "chosen-in-the-menu" not in kept


def test_a_link_in_the_place_of_the_log_is_not_followed(ctx: Context, program: Callable[[str], None]) -> None:
    """Everybody may write in /tmp: what a link there leads to keeps its rights, and is not shown."""
    other = ctx.volume / "etc/passwd"
    other.chmod(0o644)
    program(f'ln -s {other} "$log"; echo "Operations logged to $name"; exit 1')
    assert setuplog.run(ctx, "/answers", lambda _line: None, no_firewall).log == ""
    assert mode(other) == 0o644


def test_without_a_log_the_output_is_what_there_is(ctx: Context, program: Callable[[str], None]) -> None:
    """Perl cannot load a library: the program has not come to its log, and says why on its standard error."""
    program("echo \"Can't locate Net/LDAP.pm in @INC at line 25.\" >&2; echo 'BEGIN failed--aborted.' >&2; exit 2")
    ran = setuplog.run(ctx, "/answers", lambda _line: None, no_firewall)
    assert ran.log == ""
    assert setuplog.reasons(ran) == "Can't locate Net/LDAP.pm in @INC at line 25. / BEGIN failed--aborted."


@pytest.mark.parametrize(
    ("log", "found"),
    [
        (LOG, FAILURES),
        ("", []),
        (f"{AT}Starting servers...\n{AT}done.\n", []),
        (f"{AT}\tcom_x...\n{AT}failed. This may impact.\n", ["com_x...failed. This may impact."]),
        (f"{AT}A...\nold words\n{AT}done.\n{AT}B...\n{AT}failed.\n", ["B...failed."]),
        ("a command that says that it...\nfailed.\n", []),
    ],
)
def test_failures_in_a_log(log: str, found: list[str]) -> None:
    """A part and its end are lines of their own there; what a command says of itself is its reason, and no failure."""
    assert setuplog.in_log(log) == found


@pytest.mark.parametrize(
    "words",
    [
        "ldap_root_password = chosen-1",
        "ldap_root_password: chosen-1",
        "userPassword:: chosen-1",
        "Setting local config zimbra_ldap_password to chosen-1",
        'zimbra_mysql_password="chosen-1 chosen-1"',
        "keytool -genkey -storepass chosen-1 -keypass 'chosen-1 chosen-1' -alias jetty",
        "openssl pkcs12 -password pass:chosen-1",
        "ldapsearch -x -w chosen-1 -D cn=config",
        "/opt/zimbra/bin/zmldappasswd -r chosen-1",
        "mysql --password chosen-1",
        "a_password='chosen-1",
    ],
)
def test_a_password_that_nobody_knows_is_never_told(words: str) -> None:
    """An operator types them into the menu, and what fails is told in notices; the log is read where it lies."""
    (found,) = setuplog.in_log(f"{AT}Setting up CA...\n{words}\n{AT}failed.\n")
    assert "***" in found
    assert "chosen-1" not in found


@pytest.mark.parametrize(
    "words",
    [
        "invalid password: must be of 6 characters",
        "zmprov -r -m -l aaa a@b",
        "rm -rf x",
        f"Enter password:\n{AT}failed.",
        f"zmprov -r\n{AT}failed.",
    ],
)
def test_what_is_no_password_is_told(words: str) -> None:
    """The reason of a failure stays one, and the line after it."""
    assert setuplog.clean(words) == words


def test_failures_without_a_log() -> None:
    """What was printed tells what failed, if not why."""
    assert setuplog.failures(Ran("Creating root alias...failed.\n", "")) == ["Creating root alias...failed."]


def test_perls_last_words_come_before_the_logs() -> None:
    """They are on its standard error alone, behind what it was doing."""
    words = "Setting defaults...Can't call method x on an undefined value at /opt/zimbra/libexec/zmsetup.pl line 1645."
    log = f"{AT}Checking for x\n{AT}Setting defaults...\n"
    assert setuplog.reasons(Ran(f"Operations logged to /{NAME}\n{words}\n", log)) == words


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            f"{AT}Initializing ldap...\n{AT}*** Running as zimbra user: /opt/zimbra/libexec/zmldapinit\n"
            f"no space for the directory\n{AT}failed. (256)\n{AT}\n\nERROR\n\n{AT}\n\nConfiguration failed\n\n"
            f"{AT}Please address the error and re-run x\n{AT}complete the configuration.\n"
            f"{AT}\nErrors have been logged to /{NAME}\n",
            "no space for the directory",
        ),
        (
            f"{AT}\n\nERROR\n\n{AT}/opt/zimbra/conf/localconfig.xml is not owned by zimbra\n"
            f"{AT}This will cause installation failure.\n",
            "/opt/zimbra/conf/localconfig.xml is not owned by zimbra / This will cause installation failure.",
        ),
        (f"{AT}one\n{AT}two\n{AT}three\n{AT}four\n", "two / three / four"),
        (f"{AT}one\n** Retrieving CA private key from LDAP... failed\n{AT}failed.\n", "one"),
        (f"{AT}Operations logged to /{NAME}\n", ""),
    ],
)
def test_reasons(lines: str, told: str) -> None:
    """The last lines that tell something: no progress, no command, none of the vendor's last words."""
    assert setuplog.reasons(Ran("printed\n", lines)) == told
