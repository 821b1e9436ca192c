"""Certificate files on which services cannot start are repaired before services start: damaged, missing, half replaced.

A step of the state that starts the services, and just before it does: a server with a key of one pair and the
certificate of another, or with half a file, does not start, and the walk would never come to where certificates are
deployed. OpenSSL decides whether key and certificate fit, as it does in the servers.
"""

from __future__ import annotations

import ssl

from states.tls import exchange
from states.tls.exchange import Pair, Previous
from states.tls.memory import shown, unnamed
from states.zimbra import files
from states.zimbra.tools import as_zimbra
from zflow.api import Context, Evidence, Scope, Step

READERS = ("nginx", "slapd", "smtpd")
"""The servers that always run; imapd is an experiment of the vendor's, and runs only where the operator enabled it."""
SELF = f"{files.SSL}/server/server"
"""Where the vendor's tool has the self-signed pair; it makes another when the certificate is missing."""


def probe(ctx: Context) -> Evidence | None:
    """See that each server has a certificate and its key; after an interrupted change, that it is the previous pair."""
    previous = exchange.previous(ctx)
    if previous is not None:
        whole = all(_is(ctx, each, previous) for each in exchange.SERVERS)
        return Evidence("the previous pair is in place") if whole else None
    return None if damaged(ctx) else Evidence(f"{', '.join(READERS)} can start on their certificate and key")


def _is(ctx: Context, name: str, pair: Pair | Previous) -> bool:
    certificate, key = _files(ctx, name)
    return exchange.certificates(certificate)[:1] == [pair.leaf] and key.strip() == pair.key.strip()


def _files(ctx: Context, name: str) -> tuple[str, str]:
    return files.text(ctx, f"{files.CONF}/{name}.crt"), files.text(ctx, f"{files.CONF}/{name}.key")


def damaged(ctx: Context) -> list[str]:
    """Return which servers could not start on their files; on the proven pair they can, whatever OpenSSL says here."""
    found = {name: _files(ctx, name) for name in READERS}
    whole = {each for each in set(found.values()) if loads(*each)}  # all have the same, mostly
    odd = [name for name in READERS if found[name] not in whole]
    good = exchange.proven(ctx) if odd else None
    return [name for name in odd if good is None or not _has_all(ctx, name, good)]


def _has_all(ctx: Context, name: str, pair: Pair) -> bool:
    chain = exchange.certificates(f"{pair.leaf}\n{pair.chain}")
    return _is(ctx, name, pair) and exchange.certificates(_files(ctx, name)[0]) == chain


def loads(certificate: str, key: str) -> bool:
    """Tell whether a server could start on this pair, whatever its strength and its dates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        with unnamed(certificate.encode()) as public, unnamed(key.encode()) as private:
            context.load_cert_chain(shown(public), shown(private), password=_refuse)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        return False
    return True


def _refuse() -> str:
    """Refuse an encrypted key, which Zimbra's servers cannot read. Raises ValueError.

    Its writer, user zimbra, chooses how long the key derivation takes, and OpenSSL cannot be stopped in it; it asks for
    the password first.
    """
    raise ValueError("encrypted")


def apply(ctx: Context) -> None:
    """Put the previous pair, or the proven one, into the server's files; services and directory need not run for it.

    Where neither is on record: what another server has, else the self-signed one.
    """
    if (previous := exchange.previous(ctx)) is not None:
        exchange.put_back(ctx, previous, "-localonly")
        return
    broken = damaged(ctx)
    ctx.log(f"damaged or missing: {', '.join(broken)}")
    for name in broken:  # the vendor's tool would copy to wherever a link leads
        files.drop(ctx, f"{files.CONF}/{name}.crt")
        files.drop(ctx, f"{files.CONF}/{name}.key")
    if (good := exchange.proven(ctx)) is not None:
        exchange.put_back(ctx, good, "-localonly")
    elif whole := [name for name in exchange.SERVERS if loads(*_files(ctx, name))]:
        certificate, key = _files(ctx, whole[0])
        for name in broken:
            files.put(ctx, f"{files.CONF}/{name}.key", key)
            files.put(ctx, f"{files.CONF}/{name}.crt", certificate)
    else:
        if not loads(files.text(ctx, f"{SELF}.crt"), files.text(ctx, f"{SELF}.key")):
            as_zimbra(ctx, "zmcertmgr", "createcrt", "-new", timeout=300)
        exchange.install(ctx, Previous(()), "-localonly")


STEP = Step(
    name="tls.mend",
    title="Repair the server's certificate files",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    weight=1,
)
