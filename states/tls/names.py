"""Where the proxy answers only names on a list, it answers those of `ZFLOW_TLS_NAMES`.

With zimbraReverseProxyStrictServerNameEnabled nginx answers 400 to every Host but the server's own name and the virtual
hosts of the domains (zm-nginx-conf 8.8.15, nginx.conf.web.https.default.template, 3-29). An installation leaves it off;
an operator may turn it on, and earlier versions of zflow did. It stays on, for the operator may rely on it.

A virtual host without its own address listens at the address to which its name resolves, hence nowhere behind a
published port; with zimbraReverseProxySNIEnabled it listens where the server does. If a name resolves to an address of
another family than zimbraIPMode's, nginx refuses the complete configuration (zm-mailbox 8.8.15, ProxyConfGen.java,
2612-2668). So the proxy is restarted only with a configuration that nginx accepts.
"""

from __future__ import annotations

import time

from states.server import server_name
from states.tls import handshake
from states.tls.settings import NAMES
from states.ubuntu.addresses import addresses
from states.zimbra import files, marks
from states.zimbra.directory import in_force, read_config, read_domains, unless_silent
from states.zimbra.keep import kept, way_out
from states.zimbra.networks import MODE, STRICT
from states.zimbra.tools import as_zimbra, render
from zflow.api import Context, Drift, Evidence, Step

MARK, ADDED, REJECTED = "tls-names", "tls-names-added", "tls-names-rejected"
"""The names that the proxy accepted; those that zflow added; those with which it would not have started."""
SNI = "zimbraReverseProxySNIEnabled"
HOSTS, ADDRESSES, DEFAULT = "zimbraVirtualHostname", "zimbraVirtualIPAddress", "zimbraDefaultDomainName"
NGINX, RENDERED = "/opt/zimbra/common/sbin/nginx", f"{files.CONF}/nginx.conf"
HTTPS = 443
REFUSED = 400
STARTS = ("__SUCCESS__", "No available nginx lookup handlers could be contacted")
"""In the last line of nginx.conf; with another one zmproxyctl starts nothing (zm-core-utils 8.8.15, src/bin/zmproxyctl,
76-90)."""
PATIENCE = 60.0
"""Seconds for nginx to answer after its start."""


def _names(ctx: Context) -> tuple[str, ...]:
    return tuple(each for each in ctx.settings[NAMES] if each != server_name(ctx))


def inputs(ctx: Context) -> str:
    """Return what makes the step due: other names."""
    return "".join(f"{each}\n" for each in _names(ctx))


def probe(ctx: Context) -> Evidence | Drift | None:
    """See that a proxy with a list of names has all of them, and ask it for each."""
    return _look(ctx, again=False)


def audit(ctx: Context) -> Evidence | Drift | None:
    """See the same; names with which the proxy would not have started are tried again."""
    return _look(ctx, again=True)


def _look(ctx: Context, *, again: bool) -> Evidence | Drift | None:
    have = in_force(ctx, server_name(ctx), STRICT, SNI, MODE)
    strict = have[STRICT] == "TRUE"
    if strict and have[MODE] == "both":
        return Evidence("not written", (f"{MODE} is both: with {STRICT} nginx would not start again; {_way_out(ctx)}",))
    if _left(ctx):
        return None
    if not strict:
        return Evidence("the proxy answers every name")
    if not _names(ctx):
        return Evidence("no names besides the server's own", _others_refused(ctx))
    if reason := _rejected(ctx, have[MODE]):
        told = f"{reason}; correct that and run `zflow resume`, or {_way_out(ctx)}"
        return Drift(reason) if again else Evidence("not written", (told,))
    if not marks.agrees(ctx, MARK, inputs(ctx)) or _missing(ctx) or _needs_sni(ctx, have[SNI]):
        return None
    return Evidence(f"virtual hosts: {', '.join(_names(ctx))}", _still_refused(ctx))


def _others_refused(ctx: Context) -> tuple[str, ...]:
    if STRICT in kept(ctx):
        return ()
    told = f"the proxy answers 400 to every name but {server_name(ctx)} and the domains' {HOSTS}: {STRICT} is on"
    return (f"{told}; {_way_out(ctx)}; {way_out(ctx, (STRICT,))}",)


def _still_refused(ctx: Context) -> tuple[str, ...]:
    """Say which names get a 400 while the server's own does not: without a client certificate all names may get one."""
    refused = [each for each in _names(ctx) if _status(each) == REFUSED]
    if not refused or _status(server_name(ctx)) == REFUSED:
        return ()
    return (f"the proxy answers 400 to {', '.join(refused)}: {STRICT} is on; {_way_out(ctx)}",)


def _status(name: str) -> int | None:
    """Return what the proxy answers to a name, at the first of the machine's addresses where it answers."""
    answers = (handshake.status(each, HTTPS, name) for each in (*addresses().own, handshake.LOCAL))
    return next((each for each in answers if each is not None), None)


def _way_out(ctx: Context) -> str:
    return (
        f"to turn it off, run `zflow shell su - zimbra -c 'zmprov ms {server_name(ctx)} {STRICT} FALSE'` and "
        "`zflow shell su - zimbra -c 'zmproxyctl restart'`"
    )


def _rejected(ctx: Context, mode: str) -> str:
    """Return why the proxy would not have started with these names; empty for other names, or another mode."""
    tried, _, reason = marks.read(ctx, REJECTED).partition(f"{mode}: ")
    return reason if tried == inputs(ctx) else ""


def _missing(ctx: Context) -> list[str]:
    if HOSTS in kept(ctx):
        return []
    present = {each.lower() for hosts in read_domains(ctx, HOSTS).values() for each in hosts}
    return [each for each in _names(ctx) if each not in present]


def _added(ctx: Context) -> list[str]:
    return marks.read(ctx, ADDED).split()


def _left(ctx: Context) -> list[str]:
    """Return the names that zflow added to the default domain and that are no longer wanted."""
    unwanted = [each for each in _added(ctx) if each not in _names(ctx)]
    return [each for each in unwanted if each in _hosts(ctx)] if HOSTS not in kept(ctx) else []


def _domain(ctx: Context) -> str:
    return " ".join(read_config(ctx, (DEFAULT,))[DEFAULT])


def _hosts(ctx: Context) -> tuple[str, ...]:
    return read_domains(ctx, HOSTS).get(_domain(ctx), ())


def _needs_sni(ctx: Context, sni: str) -> bool:
    """Tell whether virtual hosts have to listen as the server does; a domain's address set by the operator stays."""
    return sni != "TRUE" and SNI not in kept(ctx) and not any(read_domains(ctx, ADDRESSES).values())


def apply(ctx: Context) -> None:
    """Add the missing names to the default domain's virtual hosts, remove those that zflow added and are not wanted.

    Those of the operator stay. Names with which the proxy would not start are removed again, and reported.
    """
    have = in_force(ctx, server_name(ctx), STRICT, SNI, MODE)
    strict = have[STRICT] == "TRUE"
    left = _left(ctx)
    missing = _missing(ctx) if strict else []
    _note(ctx, [*_added(ctx), *missing])
    _change(ctx, [*(("+", each) for each in missing), *(("-", each) for each in left)])
    sni = strict and _needs_sni(ctx, have[SNI])
    if sni:
        _set_sni(ctx, "TRUE")
    if reason := _restarted(ctx):
        unproven = [each for each in _added(ctx) if each not in marks.read(ctx, MARK).split()]
        _change(ctx, [("-", each) for each in unproven if each in _hosts(ctx)])
        if sni:
            _set_sni(ctx, "FALSE")
        _note(ctx, [each for each in _added(ctx) if each not in unproven])
        render(ctx, "proxy")
        if _status(server_name(ctx)) is None:
            _restart(ctx)
        marks.write(ctx, REJECTED, f"{inputs(ctx)}{have[MODE]}: {reason}")
    else:
        marks.write(ctx, REJECTED, "")
        marks.write(ctx, MARK, inputs(ctx))
    _note(ctx, [each for each in _added(ctx) if each not in left])


def _note(ctx: Context, added: list[str]) -> None:
    marks.write(ctx, ADDED, "".join(f"{each}\n" for each in dict.fromkeys(added)))


def _change(ctx: Context, changes: list[tuple[str, str]]) -> None:
    if not changes:
        return
    words = [word for sign, each in changes for word in (f"{sign}{HOSTS}", each)]
    as_zimbra(ctx, "zmprov", "-l", "md", _domain(ctx), *words, timeout=180)
    as_zimbra(ctx, "zmprov", "fc", "domain", ok=range(256), timeout=180)


def _set_sni(ctx: Context, value: str) -> None:
    as_zimbra(ctx, "zmprov", "-l", "ms", server_name(ctx), SNI, value, timeout=180)


def _restart(ctx: Context) -> bool:
    # The vendor's schema requires it for these attributes; it renders too, which a reload does not (zmproxyctl, 67-69).
    return as_zimbra(ctx, "zmproxyctl", "restart", ok=range(256), timeout=300, daemon=True).code == 0


def _restarted(ctx: Context) -> str:
    """Restart the proxy and see it answer; return why it was not restarted, or does not answer."""
    render(ctx, "proxy")
    last = (files.text(ctx, RENDERED).splitlines() or [""])[-1]
    if not any(each in last for each in STARTS):
        return f"the proxy cannot be configured: {last.partition(':')[2].strip() or 'unknown'}"
    tried = ctx.shell.chroot(NGINX, "-t", "-q", "-c", RENDERED, ok=range(256), timeout=60)
    if tried.code:
        return f"nginx would not start: {(tried.output.strip().splitlines() or ['unknown'])[0]}"
    served = _status(server_name(ctx)) is not None
    good = _restart(ctx)
    deadline = time.monotonic() + PATIENCE
    while served and _status(server_name(ctx)) is None:
        if not good or time.monotonic() > deadline:
            return "the proxy did not answer after its restart"
        ctx.pause(1)
    return ""


STEP = Step(
    name="tls.names",
    title="Let the proxy answer all names",
    probe=unless_silent(probe),
    audit=unless_silent(audit),
    apply=apply,
    inputs=inputs,
    timeout=900,
    weight=2,
)
