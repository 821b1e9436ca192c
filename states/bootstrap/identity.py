"""Checks the server's name at every start, and its mail domain at the first: an installed server keeps both for good.

The look comes before the downloads, which take minutes.
"""

from __future__ import annotations

from states.bootstrap import codes
from states.server import HOSTNAME, MAIL_DOMAIN, certifiable, mail_domain, registry_domain, server_name
from states.ubuntu.tree import RELEASE, read_mark
from zflow.api import Context, Evidence, OperatorError, Scope, Step


def probe(ctx: Context) -> Evidence | None:
    """See whether the server's name can be used, and on an empty volume its mail domain."""
    try:
        apply(ctx)
    except OperatorError:
        return None
    return Evidence(f"server name {server_name(ctx)}")


def apply(ctx: Context) -> None:
    """Refuse the name. Raises OperatorError: SERVER_NAME or MAIL_DOMAIN."""
    name = server_name(ctx)
    try:
        certifiable(name)
    except ValueError as error:
        way = HOSTNAME.variable if ctx.settings.get(HOSTNAME) else "the container's host name"
        raise OperatorError(codes.SERVER_NAME, f"{way}: {error}") from error
    if read_mark(ctx.volume / RELEASE) is None and (domain := registry_domain(ctx)):
        raise OperatorError(
            codes.MAIL_DOMAIN,
            f"the name {name} gives the mail domain {domain}; set {MAIL_DOMAIN.variable}={name}, or name the server "
            f"mail.{name}",
        )


STEP = Step(
    name="bootstrap.identity",
    title="Check the server's name",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    inputs=lambda ctx: f"{server_name(ctx)} {mail_domain(ctx)}",
    retry="never",
    timeout=10,
)
