"""The proof that a configuration is whole: the server itself is asked, and its files are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path

import pytest

from states.server import SETTINGS as SERVER
from states.ubuntu.addresses import Addresses
from states.ubuntu.settings import UBUNTU
from states.zimbra import answers, localconfig, readback, results, services
from states.zimbra.settings import SETTINGS
from tests.states.install.shells import Answering
from tests.support import make_context
from zflow.api import COMMAND, CommandError, Context

NAME = "mail.example.org"


class Server(Answering):
    """A server that zmsetup.pl made, as its own tools show it, and its files; `lose` takes something away."""

    def __init__(self, volume: Path) -> None:
        super().__init__(volume, self._say)
        content = answers.content(context(volume))
        (volume / answers.PLACE).parent.mkdir(parents=True)
        (volume / answers.PLACE).write_text(content)
        self.known = dict(line.split("=", 1) for line in content.replace('"', "").splitlines())
        self.shown = {
            "gcf": {"zimbraDefaultDomainName": "example.org"},
            "gs": self._made(results.SERVER)
            | self._made(results.EXTRAS)
            | {"zimbraServiceEnabled": " ".join(readback.ENABLED)},
            "gacf": self._made(results.CONFIG),
            "gc": self._made(results.CLASS),
            "ga": {"zimbraIsAdminAccount": "TRUE", "zimbraMailAlias": "root@example.org postmaster@example.org"},
        }
        self.shown["gs"]["zimbraServiceInstalled"] = self.shown["gs"]["zimbraServiceEnabled"]
        self.hangs = ""
        self.status = "\tmta                     Running\n"
        self.local = self._made(results.LOCAL) | {name: self.known[key] for name, key in results.PASSWORDS.items()}
        self.crontab = "# ZIMBRASTART\n0 2 * * * /opt/zimbra/libexec/x\n# ZIMBRAEND -- DO NOT EDIT\n"

    def _made(self, wanted: Mapping[str, str]) -> dict[str, str]:
        strict = "TRUE" if self.known["STRICTSERVERNAMEENABLED"] == "yes" else "FALSE"
        return {name: form.format(strict=strict, **self.known) for name, form in wanted.items()}

    def _say(self, argv: tuple[str, ...]) -> str:
        if argv[0] == "zmcontrol":
            return self.status
        if argv[2] == self.hangs:
            raise CommandError(COMMAND, argv, 0, "")
        shown = self.shown[argv[2]]
        names = [name for name in argv[3:] if name in shown]
        return "# name x\n" + "".join(f"{name}: {value}\n" for name in names for value in shown[name].split())

    def compared(self) -> readback.Compared:
        """Write the files, and return what is found."""
        keys = "".join(f'<key name="{name}"><value>{value}</value></key>\n' for name, value in self.local.items())
        for path, text in ((localconfig.FILE, keys), (results.CRONTAB, self.crontab)):
            (self._root / path).parent.mkdir(parents=True, exist_ok=True)
            (self._root / path).write_text(text)
        return readback.compare(context(self._root, self))


def context(volume: Path, shell: Answering | None = None) -> Context:
    """Return a context for a server."""
    environment = {"ZFLOW_HOSTNAME": NAME, "ZFLOW_TIMEZONE": "Europe/Berlin"}
    return make_context(volume, (*SERVER, UBUNTU, *SETTINGS), environment, shell=shell)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Return a whole server."""
    monkeypatch.setattr(readback, "PATIENCE", -1)
    return Server(tmp_path)


@pytest.mark.parametrize(
    ("output", "found"),
    [
        (
            "# name x\nzimbraServiceEnabled: mta\nzimbraServiceEnabled: ldap \nzimbraServiceEnabledX: no\n",
            ["mta", "ldap"],
        ),
        ("zimbraServiceEnabled:\n", []),
        ("ERROR: account.NO_SUCH_SERVER (no such server: x)\n", []),
        ("", []),
    ],
)
def test_values(output: str, found: list[str]) -> None:
    """An attribute's values are read line by line; an error and an unset attribute are none."""
    assert readback.values(output, "zimbraServiceEnabled") == found


def test_a_whole_server_lacks_nothing(server: Server) -> None:
    """What zmsetup.pl makes of the answers is read back as it was answered."""
    assert server.compared() == readback.Compared((), ())


@pytest.mark.parametrize("name", [*results.SERVER, *results.EXTRAS, *results.CONFIG, *results.CLASS])
def test_an_attribute_that_was_not_set_is_found(server: Server, name: str) -> None:
    """Of most of them zmsetup.pl says `done.`, or nothing, whether they were set or not.

    The server is thrown away only for what it does not serve without: a release may name a setting otherwise.
    """
    (shown,) = [shown for shown in server.shown.values() if name in shown]
    del shown[name]
    compared = server.compared()
    (found,) = compared.lacking if name in results.SERVER else compared.unlike
    assert found.startswith(f"{name} of the ")
    assert " is not set, not " in found


def test_a_value_of_somebody_else_is_found_and_one_beside_ours_is_not(server: Server) -> None:
    """The inherited default counts as a loss where another value was answered; a further value counts for nothing."""
    server.shown["gs"]["zimbraSmtpHostname"] = "localhost"
    assert server.compared() == readback.Compared((), (f"zimbraSmtpHostname of the server is localhost, not {NAME}",))
    server.shown["gs"]["zimbraSmtpHostname"] = f"{NAME.upper()} relay.example.org"
    assert server.compared() == readback.Compared((), ())


@pytest.mark.parametrize("name", results.LOCAL)
def test_a_local_setting_that_was_not_set_is_found(server: Server, name: str) -> None:
    """zmsetup.pl throws away what zmlocalconfig says, and its exit code."""
    del server.local[name]
    ((), (found,)) = astuple(server.compared())
    assert found.startswith(f"{name} of localconfig.xml is not set, not ")


def test_a_question_that_takes_too_long_about_what_is_no_loss_is_none(server: Server) -> None:
    """What was found until then is told."""
    server.shown["gs"]["zimbraSmtpHostname"] = "localhost"
    server.hangs = "gacf"
    assert server.compared() == readback.Compared((), (f"zimbraSmtpHostname of the server is localhost, not {NAME}",))


@pytest.mark.parametrize("name", results.PASSWORDS)
def test_a_password_that_was_not_set_is_found_and_never_told(server: Server, name: str) -> None:
    """The server's parts would be refused by its directory."""
    wanted, server.local[name] = server.local[name], "zmpostfix"
    (found,) = server.compared().lacking
    assert found.startswith(f"local setting {name} is not the password in the answer ")
    assert wanted not in found
    assert "zmpostfix" not in found


@pytest.mark.parametrize(
    ("question", "attribute", "left", "words"),
    [
        ("gcf", "zimbraDefaultDomainName", "", "the default domain is not set, not example.org"),
        ("gs", "zimbraServiceEnabled", "mta", f"services not enabled on {NAME}: amavis, antispam, antivirus"),
        ("gs", "zimbraServiceInstalled", "mta", f"services not installed on {NAME}: amavis, antispam, antivirus"),
        ("ga", "zimbraIsAdminAccount", "", "admin@example.org is not an administrator"),
        ("ga", "zimbraMailAlias", "root@example.org", "admin@example.org does not receive the mail of postmaster@"),
    ],
)
def test_what_makes_a_server_is_found(server: Server, question: str, attribute: str, left: str, words: str) -> None:
    """The domain, the services, the administrator and who writes to root: what the vendor's resume loses, and more."""
    server.shown[question][attribute] = left
    (found,) = server.compared().lacking
    assert found.startswith(words)


def test_what_was_answered_counts_and_not_what_would_be_now(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that the container gets while its server is configured is no loss of the server's."""
    monkeypatch.setattr(answers, "addresses", lambda: Addresses(("10.9.8.7", "fd00::7"), six=True))
    assert "10.9.8.7" in answers.content(context(server._root))
    assert server.compared() == readback.Compared((), ())


def test_a_service_that_is_down_is_found(server: Server) -> None:
    """The vendor starts the servers and does not look whether they came."""
    server.status = "\tmta       Stopped\n"
    assert server.compared().lacking == ("not running: mta",)
    assert services.down(services.parse(server.status)) == ["mta"]


def test_lost_jobs_are_found(server: Server) -> None:
    """Without its crontab a server rotates no log and learns no spam."""
    server.crontab = "17 3 * * * /usr/local/bin/an-operators-own\n"
    assert server.compared().lacking == (
        "the crontab of user zimbra (/var/spool/cron/crontabs/zimbra) does not have the server's jobs",
    )


def test_of_a_server_without_an_entry_nothing_more_is_told(server: Server) -> None:
    """One sentence for one cause: there is no list of all its attributes."""
    server.shown["gs"] = {}
    assert [found.partition(":")[0] for found in server.compared().lacking] == [
        f"services not enabled on {NAME}",
        f"services not installed on {NAME}",
    ]
