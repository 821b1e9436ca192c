"""The administrator's password after the install: theirs to change, so the setting is compared with it, never applied.

Right after the install it is tried by a login: the vendor's installer goes on without an administrator whose account it
could not make. Later it is compared with the directory's hash, for a login that fails is told as an attack. A setting
that is changed later would else be ignored in silence, or undo what the administrator chose in the web interface. What
is kept is a salted hash (scrypt, RFC 7914) of what was compared last.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from states.install.settings import ADMIN_PASSWORD, GENERATED
from states.server import admin_address
from states.zimbra.proof import proven
from states.zimbra.readback import values
from states.zimbra.tools import as_zimbra
from zflow.api import CommandError, Context, Evidence, Scope, Secret, Step, write_atomic

COST = 1 << 14
"""scrypt's N: with r=8 a guess takes 16 MiB, and this a twentieth of a second at each look."""
DIGESTS = {"{SSHA512}": "sha512", "{SSHA}": "sha1"}
"""How Zimbra stores passwords: base64 of digest(password + salt) and salt; zm-mailbox PasswordUtil.java."""
LOGIN = 'cat | zmprov -a "$1" -P /proc/self/fd/0 gcf zimbraDefaultDomainName'
"""A login by the admin service, as zmprov makes it (zm-mailbox 8.8.15, ProvUtil.java, 1040, 4087). The password is on
no command line and in no file: it comes by a pipe of user zimbra's own, who may not open root's anew by its name."""
DENIED = "account.AUTH_FAILED"
PATIENCE = 180.0
"""Seconds in which the admin service of a server that has just been configured answers."""


@dataclass(frozen=True)
class Compared:
    """Hashes of the password: as it was when it was the administrator's password, and when it was found to differ."""

    salt: str
    same: str = ""
    other: str = ""


def probe(ctx: Context) -> Evidence | None:
    """See whether the present setting has been compared."""
    password, known = _password(ctx), _read(ctx)
    if proven(ctx) is None or password is None:
        return Evidence("nothing to compare")
    if known is None:
        # Of a password that nobody set, what its administrator made of it since is no matter of ours.
        return None if _given(ctx) else Evidence("nothing to compare")
    this = _hash(password, known.salt)
    if this == known.same:
        return Evidence(f"{_source(ctx)} holds the password that the administrator was given")
    if this != known.other:
        return None
    return Evidence("the administrator has another password", (_notice(ctx),))


def _given(ctx: Context) -> bool:
    return ctx.settings.get(ADMIN_PASSWORD) is not None


def _password(ctx: Context) -> Secret | None:
    """Return the setting's password, else the one that was generated, if any was."""
    return ctx.settings.get(ADMIN_PASSWORD) or ctx.secrets.get(GENERATED)


def audit(ctx: Context) -> Evidence | None:
    """See the same; a setting that was found to differ is compared again, for the administrator may have taken it."""
    found = probe(ctx)
    return None if found is not None and found.notices and is_administrators(ctx) else found


def _source(ctx: Context) -> str:
    return ctx.settings.source(ADMIN_PASSWORD) if _given(ctx) else f"/data/.zflow/secrets/{GENERATED}"


def _notice(ctx: Context) -> str:
    # At the prompt, not on a command line: those are everybody's to read in the list of processes.
    return (
        f"{_source(ctx)} holds another password than the administrator has. It is used at the install only, "
        "a later one would undo the administrator's own. To set it, run `zflow shell su - zimbra -c zmprov` and at its "
        f"prompt `sp {admin_address(ctx)} PASSWORD` and `exit`, then `zflow resume`"
    )


def apply(ctx: Context) -> None:
    """Compare the setting with the directory's and keep what came of it."""
    _keep(ctx, same=is_administrators(ctx))


def agree(ctx: Context) -> None:
    """Log in as the administrator that was just made, and write down whether the password that is known is theirs.

    Where the server's tools do not come to an end, that is left to the step.
    """
    with suppress(CommandError):
        if _password(ctx) is not None:
            _keep(ctx, same=logs_in(ctx))


def logs_in(ctx: Context) -> bool:
    """Log in as the administrator; where the admin service does not answer, the directory is asked."""
    password = _password(ctx)
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
    password = _password(ctx)
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


def _hash(password: Secret, salt: str) -> str:
    return hashlib.scrypt(password.reveal().encode(), salt=salt.encode(), n=COST, r=8, p=1, dklen=32).hex()


def _file(ctx: Context) -> Path:
    return ctx.home / "admin-password.json"


def _read(ctx: Context) -> Compared | None:
    try:
        return Compared(**json.loads(_file(ctx).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _keep(ctx: Context, *, same: bool) -> None:
    known = _read(ctx) or Compared(secrets.token_hex(16))
    password = _password(ctx)
    assert password is not None
    this = _hash(password, known.salt)
    before = "" if known.same == this else known.same  # an attempt that was cut off may have said otherwise
    known = replace(known, same=this, other="") if same else replace(known, same=before, other=this)
    write_atomic(_file(ctx), json.dumps(asdict(known)) + "\n", mode=0o600)


STEP = Step(
    name="install.administrator",
    title="Compare the administrator's password with the setting",
    probe=probe,
    audit=audit,
    apply=apply,
    scope=Scope.BOOT,
    retry="local",
    timeout=300,
)
