"""The checked pair into the server as a transaction: deploy, prove it on every port, or roll back to the previous one.

A pair that was rolled back is marked, and not tried again before it changes.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from states.tls import codes, exchange, handshake
from states.tls.exchange import INSTALLED, Pair, Previous, certificates
from states.zimbra import files, marks, restarts
from zflow.api import (
    CommandError,
    Context,
    Drift,
    Evidence,
    OperatorError,
    Step,
    TransientError,
)

FRONT_PATIENCE = 60.0
"""Seconds the proxy and the MTA may take to answer with another certificate."""
PATIENCE = 240.0
"""Seconds that all ports together may take; the mail store starts a Java machine."""


@dataclass(frozen=True)
class RolledBack:
    """The mark of a pair that is not tried again: its sum."""

    pair: str


def probe(ctx: Context) -> Evidence | None:
    """See the installed files as they were when the handshakes proved them for this very snapshot."""
    found = exchange.in_place(ctx)
    if found is None:
        return None
    made, proof = found
    if proof is None:
        return Evidence("the server keeps the certificate that it has")
    return Evidence(f"{made.about}; served on {', '.join(map(str, proof.ports))}")


def audit(ctx: Context) -> Evidence | Drift | None:
    """See it by a handshake with each port that answers too; without a supplied pair the ports are the operator's."""
    seen = probe(ctx)
    if seen is None or exchange.proven(ctx) is None:
        return seen
    wanted = installed(ctx)
    found = {port: handshake.served(port) for port in handshake.PORTS if wanted}  # damaged files: see `tls.mend`
    others = [port for port, chain in found.items() if chain and not handshake.serves(chain, wanted)]
    if not others:
        return seen
    return Drift(f"another certificate than the installed one is served on {', '.join(map(str, others))}")


def installed(ctx: Context) -> tuple[bytes, ...]:
    """Return the installed certificates (DER); empty when they are damaged."""
    try:
        return tuple(map(ssl.PEM_cert_to_DER_cert, certificates(files.text(ctx, INSTALLED[0]))))
    except ValueError:
        return ()


def apply(ctx: Context) -> None:
    """Deploy, have it served, prove it, or roll back.

    Raises TransientError(NOT_ANSWERING, DEPLOY) and OperatorError(ROLLED_BACK).
    """
    found = exchange.snapshot(ctx)
    if found is None:
        raise TransientError(codes.DEPLOY, "the checked pair is gone; it is checked again")
    record, pair = found
    if pair is None or rolled_back(ctx) == record.pair:
        if (interrupted := exchange.previous(ctx)) is not None:
            _roll_back(ctx, interrupted)
        if pair is not None:
            raise OperatorError(codes.ROLLED_BACK, f"{record.about}: it was rolled back before")
        return
    previous = _remember(ctx)
    try:
        exchange.install(ctx, pair)
    except CommandError as error:
        _roll_back(ctx, previous)
        raise TransientError(codes.DEPLOY, error.detail) from error
    if others := _serve(ctx, pair, previous.ports):
        # Marked first: after a kill during the roll-back it must not be tried again.
        marks.save(_mark(ctx), RolledBack(record.pair))
        _roll_back(ctx, previous)
        raise OperatorError(codes.ROLLED_BACK, f"{record.about}: not served on {', '.join(map(str, others))}")
    exchange.save_proof(ctx, record.pair, previous.ports)
    marks.save(exchange.previous_file(ctx), replace(previous, directory=True))
    restarts.restart_directory(ctx)
    exchange.previous_file(ctx).unlink(missing_ok=True)
    forgive(ctx)


def _remember(ctx: Context) -> Previous:
    """Record what is served, once: what a killed attempt recorded is the last that was proven.

    Raises TransientError(NOT_ANSWERING).
    """
    if (before := exchange.previous(ctx)) is not None:
        return before
    ports = tuple(port for port in handshake.PORTS if handshake.served(port))
    if not ports:
        raise TransientError(codes.NOT_ANSWERING, f"tried {', '.join(map(str, handshake.PORTS))}")
    certificate, key = (files.read(ctx, path) for path in INSTALLED[:2])
    commercial = files.read(ctx, f"{files.SSL}/commercial/commercial.crt")
    chain = files.read(ctx, f"{files.SSL}/commercial/commercial_ca.crt") if certificate == commercial else ""
    previous = Previous(ports, key, "".join(certificates(certificate)[:1]), chain)
    marks.save(exchange.previous_file(ctx), previous)
    return previous


def _serve(ctx: Context, pair: Pair | Previous, ports: Collection[int]) -> list[int]:
    """Have the servers read the files again; return the ports that do not serve the pair in time.

    The mail store has to be restarted for it. So it follows only after the front has shown that it can.
    """
    wanted = tuple(map(ssl.PEM_cert_to_DER_cert, certificates(f"{pair.leaf}\n{pair.chain}")))
    ctx.progress.report(note="reloading proxy and MTA for the certificate")
    restarts.reload_front(ctx)
    if others := _others(ctx, wanted, [port for port in ports if port != handshake.STORE], FRONT_PATIENCE):
        return others
    if not handshake.serves(handshake.served(handshake.STORE), wanted):
        ctx.progress.report(note="restarting the mail store for the certificate")
        restarts.restart_store(ctx)
    return _others(ctx, wanted, ports, PATIENCE)


def _others(ctx: Context, wanted: tuple[bytes, ...], ports: Collection[int], patience: float) -> list[int]:
    """Return the ports that do not serve these certificates, after waiting for them."""
    deadline = time.monotonic() + patience
    while True:
        others = [port for port in ports if not handshake.serves(handshake.served(port), wanted)]
        ctx.progress.report(len(ports) - len(others), len(ports), "ports", "proving the certificate on every port")
        if not others or time.monotonic() > deadline:
            return others
        ctx.pause(1)


def _roll_back(ctx: Context, previous: Previous) -> None:
    """Put the previous pair in place again and prove it. Raises TransientError(DEPLOY) and CommandError."""
    ctx.progress.report(note="rolling back to the previous certificate")
    exchange.put_back(ctx, previous)
    if others := _serve(ctx, previous, previous.ports):
        listed = ", ".join(map(str, others))
        raise TransientError(codes.DEPLOY, f"the previous certificate is not served either on {listed}")
    if previous.directory:
        restarts.restart_directory(ctx)
    exchange.previous_file(ctx).unlink(missing_ok=True)


def _mark(ctx: Context) -> Path:
    return exchange.record(ctx, "bad.json")


def rolled_back(ctx: Context) -> str | None:
    """Return the sum of the pair that was rolled back, if the last one was."""
    found = marks.load(_mark(ctx), RolledBack)
    return None if found is None else found.pair


def forgive(ctx: Context) -> None:
    """Forget that a pair was rolled back: it may be tried again."""
    _mark(ctx).unlink(missing_ok=True)


STEP = Step(
    name="tls.deployed",
    title="Serve the certificate on every port",
    probe=probe,
    audit=audit,
    apply=apply,
    inputs=lambda ctx: found[0].pair if (found := exchange.snapshot(ctx)) is not None else "",
    timeout=1800,
    weight=60,
)
