"""The Diffie-Hellman parameters into the server: stored by the vendor's tool, written by zmconfigd, read by servers.

By `zmdhparam set -in`: its `-new` fails in 8.8.15 with a current openssl, and would make the walk wait for the search.
Proxy, MTA and directory read the file only when they start, as zmdhparam says (zm-core-utils, 55-56). For the first two
a reload is enough, which the handshakes prove. The mark says that all of them were reloaded.
"""

from __future__ import annotations

import time

from states.server import server_name
from states.tls import codes, group, handshake
from states.zimbra import files, marks, restarts
from states.zimbra.directory import in_force
from states.zimbra.keep import kept, way_out
from states.zimbra.tools import as_zimbra, render, zimbra_version
from zflow.api import Context, Drift, Evidence, Step, TransientError

ATTRIBUTE = "zimbraSSLDHParam"
"""Where zmdhparam stores them; zm-core-utils, src/bin/zmdhparam."""
PLACE = "/opt/zimbra/data/zflow-dhparam.pem"
RENDERED = f"{files.CONF}/dhparam.pem"
SECTIONS = ("dhparam", "ldap", "mta", "proxy")
"""Of zmconfigd.cf: the file itself, and who has its name in its configuration (1-3, 72, 355, 440)."""
MARK = "dh.txt"
PATIENCE = 90.0
"""Seconds; a request during a turn of zmconfigd changes nothing, and its next turn comes a minute later."""
SERVED = 120.0
"""Seconds that proxy and MTA get for a reload."""
FRONT = {"zimbraReverseProxyHttpEnabled": (443,), "zimbraReverseProxyMailEnabled": (110, 143, 993, 995)}
"""Which ports are the proxy's; else they may be the mail store's, and Java has its own groups (zm-build 8.8.15,
rpmconf/Install/zmsetup.pl, 6244-6270)."""


def _ours(ctx: Context) -> str:
    try:
        return group.file(ctx).read_text()
    except OSError:
        return ""


def inputs(ctx: Context) -> str:
    """Return what makes the step due: other parameters, another Zimbra."""
    return f"{group.body(_ours(ctx))}\n{zimbra_version(ctx)}"


def probe(ctx: Context) -> Evidence | Drift | None:
    """See our parameters in the file that the servers read, and that they were reloaded."""
    if ATTRIBUTE in kept(ctx):
        return Evidence(f"{ATTRIBUTE} is left as it is")
    if not group.body(_ours(ctx)) or not marks.agrees(ctx, MARK, inputs(ctx)):
        return None
    if not _rendered(ctx):
        return Drift(f"{RENDERED} holds other parameters than zflow's; {way_out(ctx, (ATTRIBUTE,))}")
    return Evidence(f"{RENDERED} holds zflow's {group.BITS} bits")


def _rendered(ctx: Context) -> bool:
    return group.body(files.text(ctx, RENDERED)) == group.body(_ours(ctx))


def audit(ctx: Context) -> Evidence | Drift | None:
    """See by handshakes too that no port uses another group."""
    found = probe(ctx)
    if isinstance(found, Evidence) and ATTRIBUTE not in kept(ctx) and (others := _others(ctx)):
        return Drift(f"other Diffie-Hellman parameters than {RENDERED} holds are used on {_listed(others)}")
    return found


def _others(ctx: Context) -> list[int]:
    """Return the ports of proxy and MTA that use another group than ours; not those without a group or an answer."""
    ours = _ours(ctx)
    proxied = in_force(ctx, server_name(ctx), *FRONT)
    stores = {handshake.STORE, *(port for name in FRONT if proxied[name] == "FALSE" for port in FRONT[name])}
    ports = [port for port in handshake.PORTS if port not in stores]
    return [port for port in ports if (prime := handshake.prime(port)) and not group.has_prime(ours, prime)]


def _listed(ports: list[int]) -> str:
    return ", ".join(map(str, ports))


def apply(ctx: Context) -> None:
    """Store, render, reload, and see it by handshakes. Raises TransientError(DH_NOT_TAKEN)."""
    files.put(ctx, PLACE, _ours(ctx))
    as_zimbra(ctx, "zmdhparam", "set", "-in", PLACE, timeout=180)
    files.drop(ctx, PLACE)
    render(ctx, *SECTIONS)
    deadline = time.monotonic() + PATIENCE
    while not _rendered(ctx):
        if time.monotonic() > deadline:
            raise TransientError(codes.DH_NOT_TAKEN, f"{RENDERED} holds other parameters after {PATIENCE:.0f} s")
        ctx.pause(2)
    restarts.reload_front(ctx)
    deadline = time.monotonic() + SERVED
    while others := _others(ctx):
        if time.monotonic() > deadline:
            raise TransientError(codes.DH_NOT_TAKEN, f"other parameters are used on {_listed(others)}")
        ctx.pause(1)
    restarts.restart_directory(ctx)
    marks.write(ctx, MARK, inputs(ctx))


STEP = Step(
    name="tls.dh_deployed",
    title="Use the Diffie-Hellman parameters",
    probe=probe,
    audit=audit,
    apply=apply,
    inputs=inputs,
    timeout=900,
    weight=20,
)
