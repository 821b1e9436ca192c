"""Reads the configured server back; the exit code of its installer is not reliable (docs/zimbra.md §2.5)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from states.server import admin_address, mail_domain, server_name
from states.zimbra import answers, results, services
from states.zimbra.localconfig import read_local
from states.zimbra.order import Portrait
from states.zimbra.tools import Attributes, as_zimbra
from zflow.api import CommandError, Context, read_text, text_of

ENABLED = frozenset(
    {"amavis", "antispam", "antivirus", "ldap", "logger", "mailbox", "memcached", "mta", "opendkim", "proxy", "stats"}
)
"""Services that the answers enable; the vendor's resume loses those after `configInitMta`."""
OPTIONAL = frozenset({"antispam", "antivirus", "opendkim", "stats"})
"""Services that an operator may leave out in the vendor's menu or switch off later."""
PATIENCE = 180.0
"""Seconds for services to start after the configuration."""


@dataclass(frozen=True)
class Compared:
    """What a server needs and lacks; and if it lacks nothing, what else differs from its answers. One sentence each."""

    lacking: tuple[str, ...]
    unlike: tuple[str, ...]


def compare(ctx: Context) -> Compared:
    """Compare the server with its answers; starts the JVM several times.

    A harmless difference may be a release's own, for instance another name of a setting.
    """
    if lacking := (*_directory(ctx), *_files(ctx), *not_running(ctx)):
        return Compared(lacking, ())
    unlike: list[str] = []
    with suppress(CommandError):  # a question that takes too long is harmless, too
        unlike.extend(_unlike(ctx))
    return Compared((), tuple(unlike))


def values(output: str, attribute: str) -> list[str]:
    """Return an attribute's values from what zmprov prints: `NAME: VALUE` lines."""
    prefix = f"{attribute}: "
    return [line.removeprefix(prefix).strip() for line in output.splitlines() if line.startswith(prefix)]


def ask(ctx: Context, attribute: str, *command: str) -> list[str]:
    """Return an attribute's values from a command of zmprov; none when it fails."""
    output = as_zimbra(ctx, "zmprov", "-l", *command, attribute, ok=range(256), timeout=180).output
    return values(output, attribute)


def _ask_many(ctx: Context, names: Iterable[str], *command: str) -> Attributes:
    """Return several attributes from a command of zmprov, in one start of the JVM."""
    output = as_zimbra(ctx, "zmprov", "-l", *command, *names, ok=range(256), timeout=180).output
    return {name: tuple(values(output, name)) for name in names}


def _answered(ctx: Context) -> dict[str, str]:
    """Return the answers by their keys, with what follows from them.

    They are read from the file: the container's addresses, and so the answers, may have changed since.
    """
    lines = read_text(ctx.volume / answers.PLACE).splitlines()
    found = {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}
    # zmsetup.pl compares with `yes` alone, docs/zimbra.md §2.2.
    return {**found, "strict": "TRUE" if found["STRICTSERVERNAMEENABLED"] == "yes" else "FALSE"}


def _directory(ctx: Context) -> Iterator[str]:
    """Yield what the directory lacks of the answers; for a server without an entry only that."""
    answered, server, admin = _answered(ctx), server_name(ctx), admin_address(ctx)
    domain = ask(ctx, "zimbraDefaultDomainName", "gcf")
    if domain != [mail_domain(ctx)]:
        yield f"the default domain is {domain or 'not set'}, not {mail_domain(ctx)}"
    entry = _ask_many(ctx, ["zimbraServiceEnabled", "zimbraServiceInstalled", *results.SERVER], "gs", server)
    for attribute, word in (("zimbraServiceEnabled", "enabled"), ("zimbraServiceInstalled", "installed")):
        if lacking := sorted(ENABLED - set(" ".join(entry[attribute]).split())):
            yield f"services not {word} on {server}: {', '.join(lacking)}"
    if any(entry.values()):
        yield from results.differing(results.SERVER, answered, entry, "the server")
    account = _ask_many(ctx, ["zimbraIsAdminAccount", "zimbraMailAlias"], "ga", admin)
    if account["zimbraIsAdminAccount"] != ("TRUE",):
        yield f"{admin} is not an administrator"
    elif lost := {f"{name}@{mail_domain(ctx)}" for name in results.ALIASES} - {admin, *account["zimbraMailAlias"]}:
        yield f"{admin} does not receive the mail of {', '.join(sorted(lost))}"


def _files(ctx: Context) -> Iterator[str]:
    """Yield what the server's files lack; never a password."""
    answered = _answered(ctx)
    local = read_local(ctx, tuple(results.PASSWORDS))
    for name, key in results.PASSWORDS.items():
        if local[name] != (answered[key],):
            yield f"local setting {name} is not the password in the answer {key}"
    if results.CRON_MARK not in text_of(ctx.volume / results.CRONTAB):
        yield f"the crontab of user zimbra (/{results.CRONTAB}) does not have the server's jobs"


def _unlike(ctx: Context) -> Iterator[str]:
    """Yield what else differs from the answers."""
    answered, server = _answered(ctx), server_name(ctx)
    for wanted, what, question in (
        (results.EXTRAS, "the server", ("gs", server)),
        (results.CONFIG, "the global configuration", ("gacf",)),
        (results.CLASS, "the default class of service", ("gc", "default")),
    ):
        yield from results.differing(wanted, answered, _ask_many(ctx, wanted, *question), what)
    yield from results.differing(results.LOCAL, answered, read_local(ctx, tuple(results.LOCAL)), "localconfig.xml")


def unusable(ctx: Context, domain: str, admins: tuple[str, ...]) -> Iterator[str]:
    """Yield what a server lacks that its operator configured: domain, administrators and `OPTIONAL` are free."""
    name = server_name(ctx)
    enabled = {word for value in ask(ctx, "zimbraServiceEnabled", "gs", name) for word in value.split()}
    if not enabled:
        yield f"the directory has no server {name}: the server's host name must be the container's"
    elif lacking := sorted(ENABLED - OPTIONAL - enabled):
        yield f"services not enabled on {name}: {', '.join(lacking)}"
    if not domain:
        yield "there is no default domain"
    if not any("@" in each for each in admins):
        yield "there is no administrator's account"


def default_domain(ctx: Context) -> str:
    """Return the default mail domain of the directory; empty when it is not set."""
    return " ".join(ask(ctx, "zimbraDefaultDomainName", "gcf"))


def administrators(ctx: Context) -> tuple[str, ...]:
    """Return the addresses of all administrators' accounts."""
    return tuple(as_zimbra(ctx, "zmprov", "-l", "gaaa", ok=range(256), timeout=180).output.split())


def portrait(ctx: Context) -> Portrait:
    """Return what must be the same before and after an upgrade: domains, administrators, services."""
    domains = as_zimbra(ctx, "zmprov", "-l", "gad", timeout=180).output.split()
    accounts = [ask(ctx, "zimbraId", "ga", each) for each in administrators(ctx) if "@" in each]
    return {
        "the default domain": tuple(ask(ctx, "zimbraDefaultDomainName", "gcf")),
        "the mail domains": tuple(sorted(domains)),
        "the administrators' accounts": tuple(sorted(each for found in accounts for each in found)),
        "the enabled services": tuple(sorted(ask(ctx, "zimbraServiceEnabled", "gs", server_name(ctx)))),
    }


def lacking(before: Portrait, now: Portrait) -> list[str]:
    """Return what a server had and lacks now, one sentence each; additions do not count."""
    gone = {what: sorted(set(values) - set(now.get(what, ()))) for what, values in before.items()}
    words = {what: "is gone" if len(values) == 1 else "are gone" for what, values in gone.items()}
    return [f"{what}: {', '.join(values)} {words[what]}" for what, values in gone.items() if values]


def not_running(ctx: Context) -> Iterator[str]:
    """Wait for the services to start; yield those that do not."""
    until = time.monotonic() + PATIENCE
    while stopped := services.stopped(ctx):
        if time.monotonic() > until:
            yield f"not running: {', '.join(stopped)}"
            return
        ctx.pause(3)
