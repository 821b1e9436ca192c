"""One certificate for another: what is served is kept, the new pair goes into the server's files, the ports prove it.

The kept pair is written before anything is touched and removed after the end, whichever end it is. So its presence says
that an exchange is under way or was cut off, and it holds what to go back to.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from states.tls import codes, handshake
from states.tls.pair import CHAIN, LEAF, Pair
from states.zimbra import files, restarts
from states.zimbra.tools import as_zimbra
from zflow.api import CommandError, Context, TransientError, write_atomic

SERVERS = ("imapd", "nginx", "slapd", "smtpd")
"""What zmcertmgr copies a pair to, one file after the other; the mail store gets a file of its own in between."""
INSTALLED = tuple(f"{files.CONF}/{name}.{kind}" for name in ("nginx", "smtpd") for kind in ("crt", "key"))
"""Where zmcertmgr puts the pair for the proxy and the MTA."""
FRONT_PATIENCE = 60.0
"""Seconds the proxy and the MTA may take to answer with another certificate."""
PATIENCE = 240.0
"""Seconds that all ports together may take; the mail store starts a Java machine."""
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(?:(?!-----BEGIN ).)*?-----END CERTIFICATE-----", re.DOTALL)
"""One ends where another begins: user zimbra may write many beginnings without an end."""


@dataclass(frozen=True)
class Previous:
    """What was served before: ours to take back. `chain` empty means the installer's self-signed certificate."""

    ports: tuple[int, ...]
    """Those that answered, hence those that must answer afterwards."""
    key: str = ""
    leaf: str = ""
    chain: str = ""
    directory: bool = False
    """Whether the directory, which shows its certificate only inside, may have read the new one."""


def kept(ctx: Context) -> Path:
    """Return where the previous pair is kept while an exchange is under way."""
    return ctx.home / "tls" / "previous.json"


def read_kept(ctx: Context) -> Previous | None:
    """Return the pair to go back to, None when no exchange is under way."""
    try:
        content = json.loads(kept(ctx).read_text())
        return Previous(**{**content, "ports": tuple(content["ports"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(ctx: Context) -> Previous:
    """Write down what is served, once: what a killed attempt kept is the last that was proven.

    Raises TransientError(NOT_ANSWERING).
    """
    if (before := read_kept(ctx)) is not None:
        return before
    ports = tuple(port for port in handshake.PORTS if handshake.served(port))
    if not ports:
        raise TransientError(codes.NOT_ANSWERING, f"tried {', '.join(map(str, handshake.PORTS))}")
    certificate, key = (files.read(ctx, path) for path in INSTALLED[:2])
    commercial = files.read(ctx, f"{files.SSL}/commercial/commercial.crt")
    chain = files.read(ctx, f"{files.SSL}/commercial/commercial_ca.crt") if certificate == commercial else ""
    previous = Previous(ports, key, "".join(certificates(certificate)[:1]), chain)
    _write(ctx, previous)
    return previous


def _write(ctx: Context, previous: Previous) -> None:
    write_atomic(kept(ctx), json.dumps(asdict(previous)) + "\n", mode=0o600)


def put_back(ctx: Context, previous: Pair | Previous, *options: str) -> None:
    """Put the previous pair into the server's files, also where the vendor's tool refuses it: it may have expired."""
    try:
        install(ctx, previous, *options)
    except CommandError as error:
        ctx.log(f"{error}; its files are written without the tool")
        for name in SERVERS:
            files.put(ctx, f"{files.CONF}/{name}.key", previous.key)
            files.put(ctx, f"{files.CONF}/{name}.crt", f"{previous.leaf}{previous.chain}")


def install(ctx: Context, pair: Pair | Previous, *options: str) -> None:
    """Put a pair into the server's files by the vendor's tool. Raises CommandError."""
    if pair.chain:
        leaf, chain = f"{files.CANDIDATE}/{LEAF}", f"{files.CANDIDATE}/{CHAIN}"
        files.put(ctx, files.COMMERCIAL_KEY, pair.key)
        files.put(ctx, leaf, pair.leaf)
        files.put(ctx, chain, pair.chain)
        as_zimbra(ctx, "zmcertmgr", "deploycrt", "comm", leaf, chain, *options, timeout=300)
        files.drop(ctx, files.CANDIDATE)
    else:
        as_zimbra(ctx, "zmcertmgr", "deploycrt", "self", *options, timeout=300)


def serve(ctx: Context, pair: Pair | Previous, ports: Collection[int]) -> list[int]:
    """Have what is concerned read the files anew; return the ports that do not serve the pair in time.

    The mail store, which it costs a restart, follows only after the front has shown that it can.
    """
    wanted = tuple(map(ssl.PEM_cert_to_DER_cert, certificates(f"{pair.leaf}\n{pair.chain}")))
    ctx.progress.report(note="having proxy and MTA read the certificate")
    restarts.reload_front(ctx)
    if others := _others(ctx, wanted, [port for port in ports if port != handshake.STORE], FRONT_PATIENCE):
        return others
    if not serves(handshake.served(handshake.STORE), wanted):
        ctx.progress.report(note="restarting the mail store for the certificate")
        restarts.restart_store(ctx)
    return _others(ctx, wanted, ports, PATIENCE)


def _others(ctx: Context, wanted: tuple[bytes, ...], ports: Collection[int], patience: float) -> list[int]:
    """Return the ports that do not serve these certificates, after waiting for them."""
    deadline = time.monotonic() + patience
    while True:
        others = [port for port in ports if not serves(handshake.served(port), wanted)]
        ctx.progress.report(len(ports) - len(others), len(ports), "ports", "proving the certificate on every port")
        if not others or time.monotonic() > deadline:
            return others
        ctx.pause(1)


def serves(found: tuple[bytes, ...], wanted: tuple[bytes, ...]) -> bool:
    """Tell whether a port's chain is the wanted one: the leaf first, and all issuers; the root need not be sent."""
    return found[:1] == wanted[:1] and set(wanted[1:-1]) <= set(found)


def take_back(ctx: Context, previous: Previous) -> None:
    """Put the previous pair in place again and prove it. Raises TransientError(DEPLOY) and CommandError."""
    ctx.progress.report(note="taking the previous certificate back")
    put_back(ctx, previous)
    if others := serve(ctx, previous, previous.ports):
        listed = ", ".join(map(str, others))
        raise TransientError(codes.DEPLOY, f"the previous certificate is not served either on {listed}")
    if previous.directory:
        restarts.restart_directory(ctx)
    kept(ctx).unlink(missing_ok=True)


def finish(ctx: Context, previous: Previous) -> None:
    """End an exchange whose pair is proven: the directory follows, and what was before is kept no longer."""
    _write(ctx, replace(previous, directory=True))
    restarts.restart_directory(ctx)
    kept(ctx).unlink(missing_ok=True)


def certificates(text: str) -> list[str]:
    """Return the certificates of a PEM text in order."""
    return [f"{each}\n" for each in CERTIFICATE.findall(text)]
