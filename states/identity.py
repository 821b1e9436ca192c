"""Who this server is: its name, its first mail domain, its administrator. Read by several states."""

from __future__ import annotations

import socket

from zflow.api import Context, Setting, host_name, mail_address

HOSTNAME = Setting(
    "hostname",
    host_name,
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
)

SETTINGS = (HOSTNAME, MAIL_DOMAIN, ADMIN)


def server_name(ctx: Context) -> str:
    """Return the server's full name: the setting, else the container's host name."""
    return ctx.settings.get(HOSTNAME) or socket.gethostname().lower()


def mail_domain(ctx: Context) -> str:
    """Return the first mail domain; a name of two labels is its own mail domain."""
    name = server_name(ctx)
    rest = name.partition(".")[2]
    return ctx.settings.get(MAIL_DOMAIN) or (rest if "." in rest else name)


def admin_address(ctx: Context) -> str:
    """Return the administrator's address."""
    return ctx.settings.get(ADMIN) or f"admin@{mail_domain(ctx)}"
