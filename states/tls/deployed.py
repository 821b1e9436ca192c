"""The pair into the server as a transaction: previous one kept, deployed, proven on every port, or taken back."""

from __future__ import annotations

import json
import ssl
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from states.tls import codes, handshake, server
from states.tls.pair import CHAIN, LEAF, Pair, Snapshot, snapshot
from states.zimbra import as_zimbra
from zflow.api import CommandError, Context, Evidence, OperatorError, Step, TransientError, sha256, write_atomic

INSTALLED = tuple(f"{server.CONF}/{name}.{kind}" for name in ("nginx", "smtpd") for kind in ("crt", "key"))
"""Where zmcertmgr puts the pair for the proxy and the MTA."""
PATIENCE = 240.0
"""Seconds the ports may take to come back with the new certificate; the mail store starts a Java machine."""


@dataclass(frozen=True)
class Previous:
    """What was served before: ours to take back. `chain` empty means the installer's self-signed certificate."""

    ports: tuple[int, ...]
    """Those that answered, hence those that must answer afterwards."""
    key: str = ""
    leaf: str = ""
    chain: str = ""


def _proof(ctx: Context) -> Path:
    return ctx.home / "tls" / "deployed.json"


def _kept(ctx: Context) -> Path:
    return ctx.home / "tls" / "previous.json"


def _installed(ctx: Context) -> dict[str, str]:
    """Return the fingerprints of the installed files; empty when one is missing."""
    try:
        return {path: sha256(server.on_volume(ctx, path)) for path in INSTALLED}
    except OSError:
        return {}


def probe(ctx: Context) -> Evidence | None:
    """See the installed files as they were when the handshakes proved them for this very snapshot."""
    found, installed = snapshot(ctx), _installed(ctx)
    if found is None or not installed or _kept(ctx).exists():
        return None
    record, pair = found
    if pair is None:
        return Evidence("the certificate the server has")
    try:
        proof = json.loads(_proof(ctx).read_text())
        if proof["pair"] != record.pair or proof["files"] != installed:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Evidence(f"{record.about}; served on {', '.join(map(str, proof['ports']))}")


def apply(ctx: Context) -> None:
    """Deploy, restart, prove, or take back.

    Raises TransientError(NOT_ANSWERING, DEPLOY) and OperatorError(ROLLED_BACK).
    """
    found = snapshot(ctx)
    if found is None:
        raise TransientError(codes.DEPLOY, "the checked pair has gone; it is checked anew")
    record, pair = found
    previous = _keep_previous(ctx)
    if pair is None:
        _take_back(ctx, previous)
        return
    try:
        _install(ctx, pair)
    except CommandError as error:
        _take_back(ctx, previous)
        raise TransientError(codes.DEPLOY, error.detail) from error
    if others := _others(ctx, pair.leaf, previous.ports):
        _take_back(ctx, previous)
        raise OperatorError(codes.ROLLED_BACK, f"{record.about}: not served on {', '.join(map(str, others))}")
    _write_proof(ctx, record, previous.ports)
    _kept(ctx).unlink(missing_ok=True)


def _write_proof(ctx: Context, record: Snapshot, ports: tuple[int, ...]) -> None:
    proof = {"pair": record.pair, "files": _installed(ctx), "ports": ports}
    write_atomic(_proof(ctx), json.dumps(proof) + "\n", mode=0o600)


def _keep_previous(ctx: Context) -> Previous:
    """Write down what is served, once: what a killed attempt kept is the last that was proven."""
    try:
        content = json.loads(_kept(ctx).read_text())
        return Previous(**{**content, "ports": tuple(content["ports"])})
    except (OSError, ValueError, KeyError, TypeError):
        pass
    ports = tuple(port for port in handshake.PORTS if handshake.served(port) is not None)
    if not ports:
        raise TransientError(codes.NOT_ANSWERING, f"tried {', '.join(map(str, handshake.PORTS))}")
    commercial = f"{server.SSL}/commercial/commercial"
    key, leaf, chain = (server.read(ctx, commercial + end) for end in (".key", ".crt", "_ca.crt"))
    served = server.read(ctx, INSTALLED[0])
    previous = Previous(ports, key, leaf, chain) if served and served == leaf and key else Previous(ports)
    write_atomic(_kept(ctx), json.dumps(asdict(previous)) + "\n", mode=0o600)
    return previous


def _install(ctx: Context, pair: Pair | Previous) -> None:
    leaf, chain = f"{server.CANDIDATE}/{LEAF}", f"{server.CANDIDATE}/{CHAIN}"
    server.put(ctx, server.COMMERCIAL_KEY, pair.key)
    server.put(ctx, leaf, pair.leaf)
    server.put(ctx, chain, pair.chain)
    as_zimbra(ctx, "zmcertmgr", "deploycrt", "comm", leaf, chain, timeout=300)
    server.drop(ctx, server.CANDIDATE)
    ctx.progress.report(note="restarting what serves the certificate")
    server.restart_all(ctx)


def _others(ctx: Context, leaf: str, ports: tuple[int, ...]) -> list[int]:
    """Return the ports that do not serve this certificate, after waiting for them."""
    wanted = ssl.PEM_cert_to_DER_cert(leaf)
    deadline = time.monotonic() + PATIENCE
    while True:
        others = [port for port in ports if handshake.served(port) != wanted]
        ctx.progress.report(len(ports) - len(others), len(ports), "ports", "proving the certificate on every port")
        if not others or time.monotonic() > deadline:
            return others
        ctx.pause(2)


def _take_back(ctx: Context, previous: Previous) -> None:
    ctx.progress.report(note="taking the previous certificate back")
    if previous.chain:
        _install(ctx, previous)
    else:
        as_zimbra(ctx, "zmcertmgr", "deploycrt", "self", timeout=300)
        server.restart_all(ctx)
    served = server.text(ctx, INSTALLED[0])
    if not served or _others(ctx, first_certificate(served), previous.ports):
        raise TransientError(codes.DEPLOY, "the previous certificate is not served on all ports either")
    _kept(ctx).unlink(missing_ok=True)


def first_certificate(text: str) -> str:
    """Return the first certificate of a PEM text."""
    end = "-----END CERTIFICATE-----"
    return text[text.find("-----BEGIN CERTIFICATE-----") : text.find(end) + len(end)]


STEP = Step(
    name="tls.deployed",
    title="Serve the certificate on every port",
    probe=probe,
    apply=apply,
    inputs=lambda ctx: found[0].pair if (found := snapshot(ctx)) is not None else "",
    timeout=1800,
    weight=60,
)
