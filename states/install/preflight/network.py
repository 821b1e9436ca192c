"""Checks of the network: ports, the name as programs inside resolve it, the nameservers, the servers needed."""

from __future__ import annotations

from collections.abc import Iterator

from states.install import nameservers
from states.install.preflight.egress import through
from states.install.preflight.finding import Finding, Grade, Look
from states.server import server_name
from states.ubuntu.addresses import addresses
from states.ubuntu.ports import PORTS, listening
from states.ubuntu.proxy import plain
from states.ubuntu.settings import PROXY


def ports(look: Look) -> Iterator[Finding]:
    """See that no port of the vendor's servers is taken, until the installer has begun."""
    if not look.begun and (taken := sorted(set(PORTS) & listening())):
        yield Finding(f"TCP ports already in use: {', '.join(map(str, taken))}; give the container its own network")


def own_name(look: Look) -> Iterator[Finding]:
    """See that programs inside are led to this container by the server's name."""
    name, own = server_name(look.ctx), addresses().own
    said = look.ctx.shell.chroot("getent", "ahosts", name, ok=range(256))
    found = [] if said.code else list(dict.fromkeys(line.split()[0] for line in said.lines if line.strip()))
    if not found:
        yield Finding(f"inside the Ubuntu {name} does not resolve (getent ahosts): correct /data/etc/nsswitch.conf")
    elif own and found[0] not in own:
        yield Finding(
            f"inside the Ubuntu {name} resolves to {found[0]}, the container has {', '.join(own)}: correct "
            "/data/etc/hosts and /data/etc/nsswitch.conf"
        )


def forwarders(look: Look) -> Iterator[Finding]:
    """See that the nameservers for the rest of the world answer; the install itself does without."""
    for notice in nameservers.notices(look.ctx):
        yield Finding(notice, Grade.NOTICE)


def egress(look: Look) -> Iterator[Finding]:
    """See that every server which something has still to be fetched from can be reached."""
    for host in dict.fromkeys(each.host for each in look.answers if each.problem):
        answer = next(each for each in look.answers if each.host == host and each.problem)
        proxy = through(look.ctx, answer.place)
        way = f"through the proxy {plain(proxy)}" if proxy else f"directly ({PROXY.variable} is not set)"
        yield Finding(f"{host} cannot be reached {way}: {answer.problem}", Grade.PASSES)
