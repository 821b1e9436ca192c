"""The administrator's password after the install: theirs to change, so the setting is compared with it, never applied.

A setting that is changed later would else be ignored in silence, or undo what the administrator chose in the web
interface. What is kept is a salted hash (scrypt, RFC 7914) of the setting that was compared last.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from states.identity import admin_address
from states.install.proof import proven
from states.install.settings import ADMIN_PASSWORD
from states.install.vendor.readback import values
from states.zimbra import as_zimbra
from zflow.api import Context, Evidence, Scope, Secret, Step, write_atomic

COST = 1 << 14
"""scrypt's N: with r=8 a guess takes 16 MiB, and this a twentieth of a second at each look."""
DIGESTS = {"{SSHA512}": "sha512", "{SSHA}": "sha1"}
"""How Zimbra stores passwords: base64 of digest(password + salt) and salt; zm-mailbox PasswordUtil.java."""


@dataclass(frozen=True)
class Compared:
    """Hashes of the setting: as it was when it was the administrator's password, and when it was found to differ."""

    salt: str
    same: str = ""
    other: str = ""


def probe(ctx: Context) -> Evidence | None:
    """See whether the present setting has been compared."""
    password = ctx.settings.get(ADMIN_PASSWORD)
    if proven(ctx) is None or password is None:
        return Evidence("nothing to compare")
    known = _read(ctx)
    if known is None:
        return None
    this = _hash(password, known.salt)
    if this == known.same:
        return Evidence("the setting is the password that the administrator was given")
    if this != known.other:
        return None
    return Evidence("the administrator's password is not the setting's", (_notice(ctx),))


def audit(ctx: Context) -> Evidence | None:
    """See the same; a setting that was found to differ is compared again, for the administrator may have taken it."""
    found = probe(ctx)
    return None if found is not None and found.notices and is_administrators(ctx) else found


def _notice(ctx: Context) -> str:
    # At the prompt, not on a command line: those are everybody's to read in the list of processes.
    return (
        f"{ctx.settings.source(ADMIN_PASSWORD)} holds another password than the administrator has. It is used at the "
        "install only, a later one would undo the administrator's own. To set it, run `zflow shell su - zimbra -c "
        f"zmprov` and at its prompt `sp {admin_address(ctx)} PASSWORD` and `exit`, then `zflow resume`"
    )


def apply(ctx: Context) -> None:
    """Compare the setting with the directory's and keep what came of it."""
    _keep(ctx, same=is_administrators(ctx))


def agree(ctx: Context) -> None:
    """Write down that the present setting, if there is one, is the administrator's password."""
    if ctx.settings.get(ADMIN_PASSWORD) is not None:
        _keep(ctx, same=True)


def is_administrators(ctx: Context) -> bool:
    """Ask the directory whether the setting is the administrator's password."""
    argv = ("zmprov", "-l", "ga", admin_address(ctx), "userPassword")
    stored = values(as_zimbra(ctx, *argv, ok=range(256), timeout=180, quiet=True).output, "userPassword")
    password = ctx.settings.get(ADMIN_PASSWORD)
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
    this = _hash(ctx.settings[ADMIN_PASSWORD], known.salt)
    known = replace(known, same=this, other="") if same else replace(known, other=this)
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
