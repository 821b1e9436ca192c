"""Where the proxy answers under a list of names alone, those of `ZFLOW_TLS_NAMES` are on it.

With zimbraReverseProxyStrictServerNameEnabled nginx answers 400 to every Host but the server's own name and the virtual
hosts of the domains (zm-nginx-conf 8.8.15, nginx.conf.web.https.default.template, 3-29). An installation leaves it off;
an operator may turn it on, and earlier versions of zflow did. It stays on: whoever relies on it since would lose it.

A virtual host without an address of its own listens where its name leads to, behind a published port hence nowhere, but
with zimbraReverseProxySNIEnabled where the server does (zm-mailbox 8.8.15, ProxyConfGen.java, 2612-2668).
"""

from __future__ import annotations

from states import witness
from states.bootstrap.addresses import addresses
from states.directory import read_config, read_domains, read_server
from states.identity import server_name
from states.kept import kept
from states.silence import unless_silent
from states.tls import handshake
from states.tls.settings import NAMES
from states.zimbra import as_zimbra
from zflow.api import Context, Evidence, Step

WITNESS = "tls-names"
STRICT, SNI, MODE = "zimbraReverseProxyStrictServerNameEnabled", "zimbraReverseProxySNIEnabled", "zimbraIPMode"
HOSTS, ADDRESSES, DEFAULT = "zimbraVirtualHostname", "zimbraVirtualIPAddress", "zimbraDefaultDomainName"
HTTPS = 443
REFUSED = 400


def _names(ctx: Context) -> tuple[str, ...]:
    return tuple(each for each in ctx.settings[NAMES] if each != server_name(ctx))


def inputs(ctx: Context) -> str:
    """Return what makes the step due: other names."""
    return "".join(f"{each}\n" for each in _names(ctx))


def probe(ctx: Context) -> Evidence | None:
    """See that a proxy with a list of names has all of them, and ask it under each."""
    names = _names(ctx)
    if not names:
        return Evidence("no names beside the server's own")
    have = _server(ctx, STRICT, SNI, MODE)
    if have[STRICT] != "TRUE":
        return Evidence("the proxy answers under every name")
    if have[MODE] == "both":
        return Evidence("not written", (f"{MODE} is both: with {STRICT} nginx will not start again; {_way_out(ctx)}",))
    if not witness.agrees(ctx, WITNESS, inputs(ctx)) or _missing(ctx) or _needs_sni(ctx, have[SNI]):
        return None
    here = (*addresses().own, handshake.LOCAL)[0]
    refused = [each for each in names if handshake.status(here, HTTPS, each) == REFUSED]
    told = f"the proxy answers 400 under {', '.join(refused)}: {STRICT} is on; {_way_out(ctx)}"
    return Evidence(f"virtual hosts: {', '.join(names)}", (told,) if refused else ())


def _way_out(ctx: Context) -> str:
    return (
        f"to turn it off, run `zflow shell su - zimbra -c 'zmprov ms {server_name(ctx)} {STRICT} FALSE'` and "
        "`zflow shell su - zimbra -c 'zmproxyctl restart'`"
    )


def _server(ctx: Context, *names: str) -> dict[str, str]:
    """Return attributes of the server's entry; one that is not set there is the global configuration's."""
    everywhere = read_config(ctx, names)
    return {name: " ".join(read_server(ctx, server_name(ctx), name) or everywhere[name]) for name in names}


def _missing(ctx: Context) -> list[str]:
    if HOSTS in kept(ctx):
        return []
    present = {each.lower() for hosts in read_domains(ctx, HOSTS).values() for each in hosts}
    return [each for each in _names(ctx) if each not in present]


def _needs_sni(ctx: Context, sni: str) -> bool:
    """Tell whether virtual hosts are to listen as the server does; an operator's addresses of domains are respected."""
    return sni != "TRUE" and SNI not in kept(ctx) and not any(read_domains(ctx, ADDRESSES).values())


def apply(ctx: Context) -> None:
    """Add what is missing to the default domain's virtual hosts, for the proxy too. Those of the operator stay."""
    if missing := _missing(ctx):
        words = [word for each in missing for word in (f"+{HOSTS}", each)]
        domain = " ".join(read_config(ctx, (DEFAULT,))[DEFAULT])
        as_zimbra(ctx, "zmprov", "-l", "md", domain, *words, timeout=180)
        as_zimbra(ctx, "zmprov", "fc", "domain", ok=range(256), timeout=180)
    if _needs_sni(ctx, _server(ctx, SNI)[SNI]):
        as_zimbra(ctx, "zmprov", "-l", "ms", server_name(ctx), SNI, "TRUE", timeout=180)
    # As the vendor's schema wants it for these attributes; it renders too, which a reload does not (zmproxyctl, 67-69).
    as_zimbra(ctx, "zmproxyctl", "restart", ok=range(256), timeout=300, daemon=True)
    witness.attest(ctx, WITNESS, inputs(ctx))


STEP = Step(
    name="tls.names",
    title="Let the proxy answer under all names",
    probe=unless_silent(probe),
    apply=apply,
    inputs=inputs,
    timeout=900,
    weight=2,
)
