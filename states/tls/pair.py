"""The operator's key and certificate, checked whole before anything is touched, and kept ready as one snapshot.

What is deployed later is the snapshot: a file that the operator replaces meanwhile is the next change, not half of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from states.identity import server_name
from states.tls import chain, check, codes, load, server
from states.tls.settings import PRIVATE_CA, certificate_file, key_file
from states.zimbra import as_zimbra
from zflow.api import Context, Evidence, OperatorError, Step, remove_tree, write_atomic

SELF_SIGNED = "self-signed"
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


def make(ctx: Context, now: datetime) -> tuple[Pair, x509.Certificate] | None:
    """Read, check and complete the operator's pair; None when there is none. Raises OperatorError."""
    found = _read(ctx)
    if found is None:
        return None
    if len(found.keys) != 1:
        what = "no private key" if not found.keys else f"{len(found.keys)} private keys"
        raise OperatorError(codes.HALF_PAIR, f"{what} in {key_file(ctx)} and {certificate_file(ctx)}")
    if not found.certificates:
        raise OperatorError(codes.HALF_PAIR, f"no certificate in {certificate_file(ctx)} and {key_file(ctx)}")
    key, host = found.keys[0], server_name(ctx)
    leaf = check.leaf_of(key, found.certificates)
    check.check_leaf(leaf, host, now)
    issuers = chain.build(leaf, found.certificates, _trust(ctx), host, now)
    # zmcertmgr of 8.8.15 reads RSA keys by `openssl rsa`: the traditional form suits every release.
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    return Pair(key_pem, _pem(leaf), "".join(map(_pem, issuers))), leaf


def _read(ctx: Context) -> load.Material | None:
    keys: list[PrivateKeyTypes] = []
    certificates: list[x509.Certificate] = []
    for path in dict.fromkeys((key_file(ctx), certificate_file(ctx))):
        data = load.content(path)
        if data is not None:
            found = load.parse(data, str(path))
            keys += found.keys
            certificates += found.certificates
    return load.Material(tuple(keys), tuple(dict.fromkeys(certificates))) if keys or certificates else None


def _trust(ctx: Context) -> chain.Trust:
    private = ctx.settings.get(PRIVATE_CA)
    return chain.Trust(chain.roots_of(chain.SYSTEM_ROOTS), chain.roots_of(private) if private else ())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def source(ctx: Context) -> str:
    """Return the fingerprint of all a pair is made from: files, extra roots and the name; cheap, never raises."""
    parts = [_digest(key_file(ctx)), _digest(certificate_file(ctx))]
    if not any(parts):
        return SELF_SIGNED
    private = ctx.settings.get(PRIVATE_CA)
    parts += [_digest(private) if private else "", server_name(ctx)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _digest(path: Path) -> str:
    try:
        found = load.content(path)
    except OperatorError as error:
        return error.detail
    return "" if found is None else hashlib.sha256(found).hexdigest()


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
    """Check the pair, ask the vendor's tool for its opinion, and keep a snapshot. Raises OperatorError."""
    made_from = source(ctx)
    made = make(ctx, datetime.fromtimestamp(ctx.clock(), UTC))
    _record(ctx).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if made is None:
        record = Snapshot(SELF_SIGNED, "no pair supplied: the server keeps the certificate it has")
        write_atomic(_record(ctx), json.dumps(asdict(record)) + "\n", mode=0o600)
        remove_tree(_folder(ctx))
        return
    pair, leaf = made
    _ask_vendor(ctx, pair, leaf)
    _folder(ctx).mkdir(mode=0o700, exist_ok=True)
    for name, content in ((KEY, pair.key), (LEAF, pair.leaf), (CHAIN, pair.chain)):
        write_atomic(_folder(ctx) / name, content, mode=0o600)
    about = f"{check.subject(leaf)} until {leaf.not_valid_after_utc:%Y-%m-%d}, {pair.chain.count('BEGIN')} issuers"
    write_atomic(_record(ctx), json.dumps(asdict(Snapshot(made_from, about, _sum(pair)))) + "\n", mode=0o600)


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
