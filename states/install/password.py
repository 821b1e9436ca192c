"""The administrator's password, compared with the setting by a login, or with the directory's hash."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from states.server import admin_address
from states.zimbra import marks
from states.zimbra.readback import values
from states.zimbra.settings import ADMIN_PASSWORD, GENERATED
from states.zimbra.tools import as_zimbra
from zflow.api import CommandError, Context, Secret

COST = 1 << 14
"""scrypt's N: with r=8 a guess takes 16 MiB, and this a twentieth of a second at each look."""
DIGESTS = {"{SSHA512}": "sha512", "{SSHA}": "sha1"}
"""How Zimbra stores passwords: base64 of digest(password + salt) and salt; zm-mailbox PasswordUtil.java."""
LOGIN = 'cat | zmprov -a "$1" -P /proc/self/fd/0 gcf zimbraDefaultDomainName'
"""A login by the admin service, as zmprov makes it (zm-mailbox 8.8.15, ProvUtil.java, 1040, 4087). The password is on
no command line and in no file: `cat` gives a pipe of user zimbra, who may not open root's by its name."""
DENIED = "account.AUTH_FAILED"
PATIENCE = 180.0
"""Seconds in which the admin service of a server that has just been configured answers."""


@dataclass(frozen=True)
class Compared:
    """Hashes of the setting: of one that is the administrator's password, and of one that is not."""

    salt: str
    same: str = ""
    other: str = ""


def given(ctx: Context) -> bool:
    """Tell whether the operator set a password."""
    return ctx.settings.get(ADMIN_PASSWORD) is not None


def known(ctx: Context) -> Secret | None:
    """Return the setting's password, else the one that was generated, if any was."""
    return ctx.settings.get(ADMIN_PASSWORD) or ctx.secrets.get(GENERATED)


def agree(ctx: Context) -> None:
    """Log in as the new administrator, and write the mark. The step repeats it where the server's tools time out."""
    with suppress(CommandError):
        if known(ctx) is not None:
            keep(ctx, same=logs_in(ctx))


def logs_in(ctx: Context) -> bool:
    """Log in as the administrator; ask the directory where the admin service does not answer."""
    password = known(ctx)
    assert password is not None
    until = time.monotonic() + PATIENCE
    while True:
        argv = ("sh", "-c", LOGIN, "login", admin_address(ctx))
        found = as_zimbra(ctx, *argv, stdin=f"{password.reveal()}\n", ok=range(256), timeout=180)
        if found.code == 0 or DENIED in found.output:
            return found.code == 0
        if time.monotonic() > until:
            return is_administrators(ctx)
        ctx.pause(3)


def is_administrators(ctx: Context) -> bool:
    """Ask the directory whether the password is the administrator's."""
    argv = ("zmprov", "-l", "ga", admin_address(ctx), "userPassword")
    stored = values(as_zimbra(ctx, *argv, ok=range(256), timeout=180, quiet=True).output, "userPassword")
    password = known(ctx)
    return password is not None and any(matches(each, password) for each in stored)


def matches(stored: str, password: Secret) -> bool:
    """Tell whether a stored hash is that of a password; one of an unknown kind is of none."""
    scheme, brace, rest = stored.partition("}")
    algorithm = DIGESTS.get(scheme + brace)
    if algorithm is None:
        return False
    try:
        raw = base64.b64decode(rest, validate=True)
    except binascii.Error:
        return False
    size = hashlib.new(algorithm).digest_size
    digest = hashlib.new(algorithm, password.reveal().encode() + raw[size:]).digest()
    return secrets.compare_digest(digest, raw[:size])


def hashed(password: Secret, salt: str) -> str:
    """Return the salted hash that is kept of a password."""
    return hashlib.scrypt(password.reveal().encode(), salt=salt.encode(), n=COST, r=8, p=1, dklen=32).hex()


def _file(ctx: Context) -> Path:
    return ctx.home / "admin-password.json"


def compared(ctx: Context) -> Compared | None:
    """Return what was compared last."""
    return marks.load(_file(ctx), Compared)


def keep(ctx: Context, *, same: bool) -> None:
    """Write down whether the present setting is the administrator's password."""
    found = compared(ctx) or Compared(secrets.token_hex(16))
    password = known(ctx)
    assert password is not None
    this = hashed(password, found.salt)
    before = "" if found.same == this else found.same  # an interrupted attempt may have written the opposite
    found = replace(found, same=this, other="") if same else replace(found, same=before, other=this)
    marks.save(_file(ctx), found)
