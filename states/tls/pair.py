"""The operator's key and certificate, checked whole before anything is touched, and kept ready as one snapshot.

What is deployed later is the snapshot: a file that the operator replaces meanwhile is the next change, not half of it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from states.identity import server_name
from states.tls import aia, chain, check, codes, fetch, load, server, supply
from states.tls.settings import AIA, AIA_NETWORKS, PRIVATE_CA
from states.tls.supply import SELF_SIGNED, Supplied
from states.zimbra import as_zimbra
from zflow.api import Context, Evidence, OperatorError, Step, TransientError, make_folder, remove_tree, write_atomic

KEY, LEAF, CHAIN = "key.pem", "crt.pem", "chain.pem"


@dataclass(frozen=True)
class Pair:
    """A pair that passed all checks, as PEM."""

    key: str
    leaf: str
    chain: str
    """From the issuer to the root, both included."""


@dataclass(frozen=True)
class Snapshot:
    """What is on record of the pair to serve. `source` is the fingerprint of all it was made from, or SELF_SIGNED."""

    source: str
    about: str
    """For people: subject and end."""
    pair: str = ""
    """SHA-256 of the three files."""


def make(ctx: Context, supplied: Supplied, now: datetime) -> tuple[Pair, x509.Certificate] | None:
    """Check and complete what the operator supplies; None when that is nothing. Raises OperatorError."""
    if not supplied.contents:
        return None
    found, where = supplied.material(ctx), " and ".join(map(str, supplied.contents))
    if len(found.keys) != 1:
        what = "no private key" if not found.keys else f"{len(found.keys)} private keys"
        raise OperatorError(codes.HALF_PAIR, f"{what} in {where}")
    if not found.certificates:
        raise OperatorError(codes.HALF_PAIR, f"no certificate in {where}")
    key = found.keys[0]
    with load.readable(where):
        leaf = check.leaf_of(key, found.certificates)
        check.check_leaf(leaf, supply.hosts(ctx), now)
        issuers = _issuers(ctx, leaf, found.certificates, now)
        # zmcertmgr of 8.8.15 reads RSA keys by `openssl rsa`: the traditional form suits every release.
        key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
        return Pair(key_pem, _pem(leaf), "".join(map(_pem, issuers))), leaf


def _issuers(
    ctx: Context, leaf: x509.Certificate, supplied: Sequence[x509.Certificate], now: datetime
) -> tuple[x509.Certificate, ...]:
    """Return the chain; what is missing in it is fetched. Raises OperatorError and TransientError(ISSUER_AWAY)."""
    trust, host = _trust(ctx), server_name(ctx)
    try:
        return chain.build(leaf, supplied, trust, host, now)
    except OperatorError as error:
        if error.code is not codes.INCOMPLETE or not ctx.settings[AIA]:
            raise
        gap = error
    ctx.progress.report(note="fetching the missing certificates of issuers")
    networks = tuple(ipaddress.ip_network(each) for each in ctx.settings[AIA_NETWORKS])
    search = aia.Search(fetch.Fetcher(networks).get, ctx.cache / "aia", now, ctx.log)
    search.complete(leaf, supplied, [*trust.public, *trust.private])
    try:
        return chain.build(leaf, [*supplied, *search.found], trust, host, now)
    except OperatorError as error:
        if error.code is not codes.INCOMPLETE:
            raise
        told = "; ".join(search.failures) or "no address of its own certificate is in it"
        if search.away:
            raise TransientError(codes.ISSUER_AWAY, f"{gap.detail}; {told}") from error
        raise OperatorError(codes.INCOMPLETE, f"{error.detail}; {told}") from error


def _trust(ctx: Context) -> chain.Trust:
    private = ctx.settings.get(PRIVATE_CA)
    return chain.Trust(chain.roots_of(chain.SYSTEM_ROOTS), chain.roots_of(private) if private else ())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def source(ctx: Context) -> str:
    """Return the fingerprint of all a pair is made from: files, extra roots and names; cheap, never raises."""
    return supply.read(ctx).source


def _folder(ctx: Context) -> Path:
    return ctx.home / "tls" / "pair"


def _record(ctx: Context) -> Path:
    return ctx.home / "tls" / "pair.json"


def snapshot(ctx: Context) -> tuple[Snapshot, Pair | None] | None:
    """Return what to serve: the record and the pair (None when self-signed); None when it is not whole."""
    try:
        record = Snapshot(**json.loads(_record(ctx).read_text()))
        if record.source == SELF_SIGNED:
            return record, None
        found = Pair(*((_folder(ctx) / name).read_text() for name in (KEY, LEAF, CHAIN)))
    except (OSError, ValueError, TypeError):
        return None
    return (record, found) if _sum(found) == record.pair else None


def _sum(pair: Pair) -> str:
    return hashlib.sha256(f"{pair.key}{pair.leaf}{pair.chain}".encode()).hexdigest()


def probe(ctx: Context) -> Evidence | None:
    """See a whole snapshot made from what the operator supplies now."""
    found = snapshot(ctx)
    return Evidence(found[0].about) if found is not None and found[0].source == source(ctx) else None


def apply(ctx: Context) -> None:
    """Check the pair, ask the vendor's tool for its opinion, and keep a snapshot.

    Raises OperatorError and TransientError(ISSUER_AWAY).
    """

    def now() -> tuple[str, tuple[Pair, x509.Certificate] | None]:
        supplied = supply.read(ctx)
        return supplied.source, make(ctx, supplied, datetime.fromtimestamp(ctx.clock(), UTC))

    made_from, made = supply.settled(ctx, now)
    make_folder(_record(ctx).parent, 0o700)
    if made is None:
        record = Snapshot(SELF_SIGNED, "no pair supplied: the server keeps the certificate it has")
        write_atomic(_record(ctx), json.dumps(asdict(record)) + "\n", mode=0o600)
        remove_tree(_folder(ctx))
        return
    pair, leaf = made
    _ask_vendor(ctx, pair, leaf)
    make_folder(_folder(ctx), 0o700)
    for name, content in ((KEY, pair.key), (LEAF, pair.leaf), (CHAIN, pair.chain)):
        write_atomic(_folder(ctx) / name, content, mode=0o600)
    record = Snapshot(made_from, about(pair, leaf), _sum(pair))
    write_atomic(_record(ctx), json.dumps(asdict(record)) + "\n", mode=0o600)


def about(pair: Pair, leaf: x509.Certificate) -> str:
    """Return what to call a pair: subject, end, how many issuers."""
    return f"{check.subject(leaf)} until {leaf.not_valid_after_utc:%Y-%m-%d}, {pair.chain.count('BEGIN')} issuers"


def _ask_vendor(ctx: Context, pair: Pair, leaf: x509.Certificate) -> None:
    names = [f"{server.CANDIDATE}/{name}" for name in (KEY, LEAF, CHAIN)]
    for name, content in zip(names, (pair.key, pair.leaf, pair.chain), strict=True):
        server.put(ctx, name, content)
    answer = as_zimbra(ctx, "zmcertmgr", "verifycrt", "comm", *names, ok=(0, 1))
    server.drop(ctx, server.CANDIDATE)
    if answer.code:
        reason = next((line for line in answer.lines if "ERROR" in line), "no reason given")
        raise OperatorError(codes.EC_REFUSED if check.is_ec(leaf) else codes.VENDOR_REFUSED, reason)


def cleanup(ctx: Context) -> None:
    """Remove what a killed attempt had put before the vendor's tool."""
    server.drop(ctx, server.CANDIDATE)


STEP = Step(
    name="tls.pair",
    title="Check the supplied key and certificate",
    probe=probe,
    apply=apply,
    cleanup=cleanup,
    inputs=source,
    weight=5,
)
