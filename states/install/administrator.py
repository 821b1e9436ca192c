"""The administrator's password after the install: the setting is compared with it and never applied.

Right after the install zflow logs in with it: the vendor's installer continues when it cannot create the administrator.
Later it is compared with the directory's hash, for a failed login counts as an attack. A later change of the setting
is a notice: the administrator may have chosen another password in the web interface. The mark is a salted hash (scrypt,
RFC 7914) of the password that was compared last.
"""

from __future__ import annotations

from states.install.password import compared, given, hashed, is_administrators, keep, known
from states.server import admin_address
from states.zimbra.proof import proven
from states.zimbra.settings import ADMIN_PASSWORD, GENERATED
from zflow.api import Context, Evidence, Scope, Step


def probe(ctx: Context) -> Evidence | None:
    """See whether the present setting has been compared."""
    password, found = known(ctx), compared(ctx)
    if proven(ctx) is None or password is None:
        return Evidence("nothing to compare")
    if found is None:
        # A generated password: the administrator may have changed it.
        return None if given(ctx) else Evidence("nothing to compare")
    this = hashed(password, found.salt)
    if this == found.same:
        return Evidence(f"{_source(ctx)}: the administrator's password matches it")
    if this != found.other:
        return None
    return Evidence("the administrator's password is another one", (_notice(ctx),))


def audit(ctx: Context) -> Evidence | None:
    """Look as the probe does; compare a setting that differed again, for the administrator may have taken it."""
    found = probe(ctx)
    return None if found is not None and found.notices and is_administrators(ctx) else found


def _source(ctx: Context) -> str:
    return ctx.settings.source(ADMIN_PASSWORD) if given(ctx) else f"/data/.zflow/secrets/{GENERATED}"


def _notice(ctx: Context) -> str:
    # At the prompt, not on a command line: those are everybody's to read in the list of processes.
    return (
        f"{_source(ctx)} is not the administrator's password. It is used at the install only; later the "
        "administrator's own choice counts. To set it, run `zflow shell su - zimbra -c zmprov` and at its "
        f"prompt `sp {admin_address(ctx)} PASSWORD` and `exit`, then `zflow resume`"
    )


def apply(ctx: Context) -> None:
    """Compare the setting with the directory's hash and write the mark."""
    keep(ctx, same=is_administrators(ctx))


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
