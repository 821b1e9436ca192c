"""Who this server is: its name, its first mail domain, its administrator. Read by several states."""

from __future__ import annotations

import re
import socket

from zflow.api import Context, Setting, host_name, mail_address, many

LONGEST = 64
"""Characters of the server's name: it is the common name of its certificate (ub-common-name, RFC 5280, A.1), and the
kernel's host name is not longer either (HOST_NAME_MAX)."""


def certifiable(value: str) -> str:
    """Accept a full host name that fits into a certificate's common name."""
    name = host_name(value)
    if len(name) > LONGEST:
        raise ValueError(f"{name!r} has {len(name)} characters; a certificate's common name takes {LONGEST}")
    return name


def creatable(written: str) -> None:
    """Accept an account's address that zmsetup.pl can pass to a shell, unquoted (docs/zimbra.md §2.2)."""
    if re.search(r"^\s*[#~]|&|\{.*\.\.", written):
        raise ValueError(f"{written.strip()!r} has a character that the shell of Zimbra's installer interprets")


HOSTNAME = Setting(
    "hostname",
    certifiable,
    None,
    "Full name of the mail server. Not set: the container's own host name.",
    "mail.example.org",
)
MAIL_DOMAIN = Setting(
    "mail_domain",
    host_name,
    None,
    "First mail domain. Not set: the server's name without its first label.",
    "example.org",
)
ADMIN = Setting(
    "admin",
    mail_address,
    None,
    "Address of the administrator's account. Not set: admin@ the first mail domain.",
    "admin@example.org",
    strict=creatable,
)
ADDITIONAL_MAIL_DOMAINS = Setting(
    "additional_mail_domains",
    many(host_name),
    "",
    "Further mail domains that the server's own DNS resolves to this server.",
    "example.net,example.com",
)

SETTINGS = (HOSTNAME, MAIL_DOMAIN, ADMIN, ADDITIONAL_MAIL_DOMAINS)


def server_name(ctx: Context) -> str:
    """Return the server's full name: the setting, else the container's host name."""
    return ctx.settings.get(HOSTNAME) or socket.gethostname().lower().removesuffix(".")


def mail_domain(ctx: Context) -> str:
    """Return the first mail domain; a name of two labels is its own mail domain."""
    name = server_name(ctx)
    rest = name.partition(".")[2]
    return ctx.settings.get(MAIL_DOMAIN) or (rest if "." in rest else name)


def mail_domains(ctx: Context) -> tuple[str, ...]:
    """Return all mail domains, the first one first."""
    return tuple(dict.fromkeys((mail_domain(ctx), *ctx.settings[ADDITIONAL_MAIL_DOMAINS])))


def registry_domain(ctx: Context) -> str | None:
    """Return the mail domain where it follows from the server's name and is a public suffix; else None.

    A public suffix, such as co.uk, is not a mail domain. A setting is right: the private part of the list has domains
    with an owner.
    """
    if ctx.settings.get(MAIL_DOMAIN) or mail_domain(ctx) == server_name(ctx):
        return None
    from publicsuffixlist import PublicSuffixList

    return mail_domain(ctx) if PublicSuffixList().is_public(mail_domain(ctx)) else None


def admin_address(ctx: Context) -> str:
    """Return the administrator's address."""
    return ctx.settings.get(ADMIN) or f"admin@{mail_domain(ctx)}"
