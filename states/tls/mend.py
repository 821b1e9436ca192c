"""An exchange that was cut off leaves files of two pairs; before services start on them, the old pair is made whole.

A step of the state that starts the services, and just before it does: a server with a key of one pair and the
certificate of another does not start, and the walk would never come to where the exchange is taken up again.
"""

from __future__ import annotations

from states.tls import exchange, server
from states.tls.exchange import Previous
from zflow.api import Context, Evidence, Scope, Step


def probe(ctx: Context) -> Evidence | None:
    """See that no exchange was cut off, or that what it left is whole."""
    previous = exchange.read_kept(ctx)
    if previous is None:
        return Evidence("no exchange of certificates was cut off")
    whole = all(_is(ctx, each, previous) for each in exchange.SERVERS)
    return Evidence("the previous pair is whole") if whole else None


def _is(ctx: Context, name: str, previous: Previous) -> bool:
    certificate, key = (server.text(ctx, f"{server.CONF}/{name}.{kind}") for kind in ("crt", "key"))
    return exchange.certificates(certificate)[:1] == [previous.leaf] and key.strip() == previous.key.strip()


def apply(ctx: Context) -> None:
    """Put the previous pair into the server's files; services and directory need not run for it."""
    if (previous := exchange.read_kept(ctx)) is not None:
        exchange.put_back(ctx, previous, "-localonly")


STEP = Step(
    name="install.certificate",
    title="Make a cut-off exchange of certificates whole",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    weight=1,
)
