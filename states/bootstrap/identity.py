"""The first look of every start: has this server a full name? Asked before anything is downloaded for minutes."""

from __future__ import annotations

from states.bootstrap import codes
from states.identity import server_name
from zflow.api import Context, Evidence, OperatorError, Scope, Step, host_name


def probe(ctx: Context) -> Evidence | None:
    """See whether the server's name is fully qualified."""
    name = server_name(ctx)
    try:
        return Evidence(f"server name {host_name(name)}")
    except ValueError:
        return None


def apply(ctx: Context) -> None:
    """Say what is wrong with the name; raises OperatorError(SERVER_NAME)."""
    raise OperatorError(codes.SERVER_NAME, f"the host name of the container is {server_name(ctx)!r}, without a domain")


STEP = Step(
    name="bootstrap.identity",
    title="Check the server's name",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    inputs=server_name,
    retry="never",
    timeout=10,
)
