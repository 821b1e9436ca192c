"""The administrator's password after the install: theirs to change, so the setting is compared with it, never applied.

Right after the install it is tried by a login: the vendor's installer goes on without an administrator whose account it
could not make. Later it is compared with the directory's hash, for a login that fails is told as an attack. A setting
that is changed later would else be ignored in silence, or undo what the administrator chose in the web interface. What
is kept is a salted hash (scrypt, RFC 7914) of what was compared last.
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
        # Of a password that nobody set, what its administrator made of it since is no matter of ours.
        return None if given(ctx) else Evidence("nothing to compare")
    this = hashed(password, found.salt)
    if this == found.same:
        return Evidence(f"{_source(ctx)}: the administrator's password matches it")
    if this != found.other:
        return None
    return Evidence("the administrator's password is another one", (_notice(ctx),))


def audit(ctx: Context) -> Evidence | None:
    """See the same; a setting that was found to differ is compared again, for the administrator may have taken it."""
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
    """Compare the setting with the directory's and keep what came of it."""
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
