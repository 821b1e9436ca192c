"""Checks of names: the server's own, the administrator's, and the form of /etc/hosts that the vendor wants."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from states.install.preflight.finding import Finding, Look
from states.server import MAIL_DOMAIN, admin_address, mail_domain, registry_domain, server_name
from states.ubuntu.addresses import addresses
from states.ubuntu.container import is_address
from states.zimbra.settings import INSTALL
from zflow.api import Context

LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain"})


def full_name(ctx: Context) -> str:
    """Return the output of `hostname --fqdn` in the Ubuntu, which the vendor uses; empty when it fails."""
    said = ctx.shell.chroot("hostname", "--fqdn", ok=range(256))
    return "" if said.code else said.output.strip().lower()


def host_name(look: Look) -> Iterator[Finding]:
    """See that the container's name is the server's."""
    name, found = server_name(look.ctx), full_name(look.ctx)
    if found != name:
        yield Finding(
            f"the container's name is {found or 'nothing'!r} (hostname --fqdn), not {name!r}: start "
            f"the container with --hostname {name}"
        )


def administrator(look: Look) -> Iterator[Finding]:
    """Check that the domain is not a public suffix, and the administrator is in it; the vendor's menu asks for both."""
    admin, domain = admin_address(look.ctx), mail_domain(look.ctx)
    if registry_domain(look.ctx):
        yield Finding(f"the mail domain {domain} is a public suffix: set {MAIL_DOMAIN.variable}")
    if look.ctx.settings[INSTALL] == "unattended" and admin.rpartition("@")[2] != domain:
        yield Finding(f"the administrator {admin} is not in the first mail domain {domain}")


def hosts_file(look: Look) -> Iterator[Finding]:
    """See that /etc/hosts inside passes the vendor's own look, and does not lead the server's name to itself."""
    try:
        content = (look.ctx.volume / "etc/hosts").read_text(errors="replace")
    except OSError:
        content = ""
    for fault in hosts_faults(content, server_name(look.ctx), connected=bool(addresses().own)):
        yield Finding(f"/data/etc/hosts: {fault}")


def hosts_faults(content: str, name: str, *, connected: bool) -> list[str]:
    """Return what is wrong with a hosts(5) file.

    The first two rules are the vendor's (docs/zimbra.md §1.3). The third is ours: with the name on a loopback address,
    which is right only for a machine without a network, database and mail would not be reachable.
    """
    lines = [words for line in content.splitlines() if (words := line.partition("#")[0].split())]
    faults = []
    loopback = next((words[1:2] for words in lines if words[0] == "127.0.0.1"), None)
    if loopback is None or not LOOPBACK_NAMES.issuperset(loopback) or not loopback:
        faults.append(f"the first name of 127.0.0.1 is {'missing' if not loopback else loopback[0]}, not localhost")
    found = [words[0] for words in lines if name in words[1:]]
    if not found:
        faults.append(f"no line has the exact name {name}")
    elif not is_address(found[0]):
        faults.append(f"{name} is at {found[0]}, which is not an address")
    if connected and (loops := [each for each in found if is_address(each) and ipaddress.ip_address(each).is_loopback]):
        faults.append(f"{name} is at {loops[0]}, a loopback address; remove the name from that line")
    return faults
