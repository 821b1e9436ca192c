"""How names are resolved inside the Ubuntu until the server has its own DNS: by a copy of the container's resolv.conf.

`install.dns` later replaces the file. Its first nameserver is then this machine, and this step leaves it as it is.
"""

from __future__ import annotations

from states.ubuntu.container import container_resolver, nameservers
from zflow.api import Context, Evidence, Scope, Step, holds, write_atomic


def is_own_dns(content: str) -> bool:
    """Tell whether the first nameserver is the server's own; other loopback addresses are an engine's (127.0.0.11)."""
    return nameservers(content)[:1] in (["127.0.0.1"], ["::1"])


def probe(ctx: Context) -> Evidence | None:
    """See whether the file is the container's, or names the server's own DNS."""
    path = ctx.volume / "etc/resolv.conf"
    if holds(path, container_resolver()):
        return Evidence(f"nameservers of the container: {', '.join(nameservers(container_resolver())) or 'none'}")
    if path.is_file() and not path.is_symlink() and is_own_dns(path.read_text(errors="replace")):
        return Evidence("the server's own DNS")
    return None


def apply(ctx: Context) -> None:
    """Copy the container's resolv.conf."""
    write_atomic(ctx.volume / "etc/resolv.conf", container_resolver())


STEP = Step(
    name="bootstrap.resolver",
    title="Set the nameservers inside Ubuntu",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=10,
)
