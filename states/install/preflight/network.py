"""Checks of the network: ports, the name as programs inside resolve it, the nameservers, the servers needed."""

from __future__ import annotations

from collections.abc import Iterator

from states.bootstrap.addresses import addresses
from states.bootstrap.resolver import container_resolver, nameservers
from states.bootstrap.settings import PROXY
from states.identity import server_name
from states.install.machine.dns import OURSELVES
from states.install.machine.dnsmessage import A, ask
from states.install.machine.listening import PORTS, listening
from states.install.preflight.finding import Finding, Grade, Look

PATIENCE = 2.0
"""Seconds that each nameserver gets."""


def ports(look: Look) -> Iterator[Finding]:
    """See that no port of the vendor's servers is taken, until the installer has begun."""
    if not look.begun and (taken := sorted(set(PORTS) & listening())):
        yield Finding(
            f"TCP ports already in use: {', '.join(map(str, taken))}; give the container a network of its own"
        )


def own_name(look: Look) -> Iterator[Finding]:
    """See that programs inside are led to this container by the server's name."""
    name, own = server_name(look.ctx), addresses().own
    said = look.ctx.shell.chroot("getent", "ahosts", name, ok=range(256))
    found = [] if said.code else list(dict.fromkeys(line.split()[0] for line in said.lines if line.strip()))
    if not found:
        yield Finding(f"inside the Ubuntu {name} leads nowhere (getent ahosts): correct /data/etc/nsswitch.conf")
    elif own and found[0] not in own:
        yield Finding(
            f"inside the Ubuntu {name} leads to {found[0]}, the container has {', '.join(own)}: correct "
            "/data/etc/hosts and /data/etc/nsswitch.conf"
        )


def forwarders(look: Look) -> Iterator[Finding]:
    """See that a nameserver for the rest of the world answers; the install itself does without."""
    upstream = [each for each in nameservers(container_resolver()) if each not in OURSELVES]
    if not any(_answers(each, server_name(look.ctx)) for each in upstream):
        named = f"no nameserver answers ({', '.join(upstream)})" if upstream else "the container has no nameserver"
        yield Finding(
            f"{named}: mail to other servers cannot be delivered; give the container one with --dns", Grade.NOTICE
        )


def _answers(server: str, name: str) -> bool:
    try:
        ask(name, A, server=server, timeout=PATIENCE)
    except OSError:
        return False
    return True


def egress(look: Look) -> Iterator[Finding]:
    """See that every server which something has still to be fetched from can be reached."""
    proxy = look.ctx.settings.get(PROXY)
    way = f"through {PROXY.variable}" if proxy else f"directly ({PROXY.variable} is not set)"
    for host in dict.fromkeys(each.host for each in look.answers if each.problem):
        problem = next(each.problem for each in look.answers if each.host == host and each.problem)
        yield Finding(f"{host} cannot be reached {way}: {problem}", Grade.PASSES)
