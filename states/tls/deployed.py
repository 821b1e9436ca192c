"""The checked pair into the server as a transaction: previous one kept, deployed, proven on every port, or taken back.

A pair that was taken back is marked, and not tried again before it changes.
"""

from __future__ import annotations

import hashlib
import json
import ssl
from pathlib import Path
from typing import NamedTuple

from states.tls import codes, exchange, handshake
from states.tls.exchange import INSTALLED
from states.tls.pair import Pair, Snapshot, snapshot
from states.zimbra import files as server
from zflow.api import (
    CommandError,
    Context,
    Drift,
    Evidence,
    OperatorError,
    Step,
    TransientError,
    read_bytes,
    write_atomic,
)


class Proof(NamedTuple):
    """What the handshakes proved: the pair's fingerprint, the files it was installed as, and the ports."""

    pair: str
    files: dict[str, str]
    ports: tuple[int, ...]


def _proof(ctx: Context) -> Path:
    return ctx.home / "tls" / "deployed.json"


def _mark(ctx: Context) -> Path:
    return ctx.home / "tls" / "bad.json"


def fingerprints(ctx: Context) -> dict[str, str]:
    """Return the fingerprints of the installed files; empty when one is missing."""
    try:
        contents = {path: read_bytes(server.on_volume(ctx, path)) for path in INSTALLED}
    except OSError:
        return {}
    return {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}


def probe(ctx: Context) -> Evidence | None:
    """See the installed files as they were when the handshakes proved them for this very snapshot."""
    found, installed = snapshot(ctx), fingerprints(ctx)
    if found is None or not installed or exchange.kept(ctx).exists():
        return None
    record, pair = found
    if pair is None:
        return Evidence("the certificate the server has")
    proof = _read_proof(ctx)
    if proof is None or (proof.pair, proof.files) != (record.pair, installed):
        return None
    return Evidence(f"{record.about}; served on {', '.join(map(str, proof.ports))}")


def audit(ctx: Context) -> Evidence | Drift | None:
    """See it by a handshake with each port that answers too; without a supplied pair the ports are the operator's."""
    seen = probe(ctx)
    if seen is None or proven(ctx) is None or not (others := _others(ctx)):
        return seen
    return Drift(f"another certificate than the installed one is served on {', '.join(map(str, others))}")


def _others(ctx: Context) -> list[int]:
    """Return the ports that serve something else than what is installed; whether all answer is seen elsewhere."""
    try:
        wanted = tuple(map(ssl.PEM_cert_to_DER_cert, exchange.certificates(server.text(ctx, INSTALLED[0]))))
    except ValueError:
        wanted = ()
    if not wanted:  # damaged files are the business of `tls.mend`
        return []
    found = {port: handshake.served(port) for port in handshake.PORTS}
    return [port for port, chain in found.items() if chain and not exchange.serves(chain, wanted)]


def proven(ctx: Context) -> Pair | None:
    """Return the operator's pair if it is the one that was proven on the ports last."""
    found, proof = snapshot(ctx), _read_proof(ctx)
    return found[1] if found is not None and proof is not None and found[0].pair == proof.pair else None


def _read_proof(ctx: Context) -> Proof | None:
    try:
        content = json.loads(_proof(ctx).read_text())
        return Proof(content["pair"], content["files"], tuple(content["ports"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def apply(ctx: Context) -> None:
    """Deploy, have it served, prove it, or take it back.

    Raises TransientError(NOT_ANSWERING, DEPLOY) and OperatorError(ROLLED_BACK).
    """
    found = snapshot(ctx)
    if found is None:
        raise TransientError(codes.DEPLOY, "the checked pair has gone; it is checked anew")
    record, pair = found
    if pair is None or bad(ctx) == record.pair:
        if (cut_off := exchange.read_kept(ctx)) is not None:
            exchange.take_back(ctx, cut_off)
        if pair is not None:
            raise OperatorError(codes.ROLLED_BACK, f"{record.about}: it was taken back before")
        return
    previous = exchange.keep(ctx)
    try:
        exchange.install(ctx, pair)
    except CommandError as error:
        exchange.take_back(ctx, previous)
        raise TransientError(codes.DEPLOY, error.detail) from error
    if others := exchange.serve(ctx, pair, previous.ports):
        # Marked first: a kill while it is taken back must not have it tried again.
        write_atomic(_mark(ctx), json.dumps({"pair": record.pair}) + "\n", mode=0o600)
        exchange.take_back(ctx, previous)
        raise OperatorError(codes.ROLLED_BACK, f"{record.about}: not served on {', '.join(map(str, others))}")
    _write_proof(ctx, record, previous.ports)
    exchange.finish(ctx, previous)
    forgive(ctx)


def _write_proof(ctx: Context, record: Snapshot, ports: tuple[int, ...]) -> None:
    proof = Proof(record.pair, fingerprints(ctx), ports)
    write_atomic(_proof(ctx), json.dumps(proof._asdict()) + "\n", mode=0o600)


def bad(ctx: Context) -> str | None:
    """Return the fingerprint of the pair that was taken back, if the last one was."""
    try:
        found = json.loads(_mark(ctx).read_text())["pair"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(found)


def forgive(ctx: Context) -> None:
    """Forget that a pair was taken back: it may be tried again."""
    _mark(ctx).unlink(missing_ok=True)


STEP = Step(
    name="tls.deployed",
    title="Serve the certificate on every port",
    probe=probe,
    audit=audit,
    apply=apply,
    inputs=lambda ctx: found[0].pair if (found := snapshot(ctx)) is not None else "",
    timeout=1800,
    weight=60,
)
