"""A server keeps its name: under another one, a container is stopped before any service starts."""

from __future__ import annotations

import socket

from states.install import codes, inodes
from states.server import server_name
from states.zimbra.localconfig import local_value
from states.zimbra.proof import proven
from zflow.api import Context, Evidence, OperatorError, Scope, Step


def installed_name(ctx: Context) -> str | None:
    """Return the name that the installed server has; None while no server is installed."""
    if proven(ctx) is None:
        return None
    name = local_value(ctx, "zimbra_server_hostname")
    return name.lower() if name else None


def canonical(hosts: str, name: str) -> str:
    """Return the first name on the first line of a hosts(5) file with `name`; `hostname --fqdn` prints it."""
    lines = (line.partition("#")[0].split() for line in hosts.splitlines())
    return next((words[1] for words in lines if name in words[1:]), "")


def names_now(ctx: Context) -> dict[str, str]:
    """Return the name that zflow uses and the one that programs inside the Ubuntu see, each with its source."""
    hosts = (ctx.volume / "etc/hosts").read_text(errors="replace")
    inside = canonical(hosts, socket.gethostname().lower())
    return {"ZFLOW_HOSTNAME or the host name": server_name(ctx), "`hostname --fqdn` in the Ubuntu": inside}


def probe(ctx: Context) -> Evidence | None:
    """Compare the container's name with the installed one."""
    installed = installed_name(ctx)
    if installed is None:
        return Evidence("no server is installed yet")
    return Evidence(f"the server's name is {installed}") if set(names_now(ctx).values()) == {installed} else None


def apply(ctx: Context) -> None:
    """Refuse another name; raises OperatorError(RENAMED)."""
    installed = installed_name(ctx)
    others = [f"{way} is {name or 'empty'}" for way, name in names_now(ctx).items() if name != installed]
    copy = f"; {inodes.WORDS}: another server needs an empty volume" if inodes.moved(ctx) else ""
    raise OperatorError(codes.RENAMED, f"installed as {installed}, but {' and '.join(others)}{copy}")


STEP = Step(
    name="install.identity",
    title="Check that the server keeps its name",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    inputs=server_name,
    retry="never",
    timeout=30,
)
