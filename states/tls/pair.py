"""The operator's key and certificate, checked whole before anything is touched, and kept ready as one snapshot.

What is deployed later is the snapshot: a file that the operator replaces meanwhile is the next change, not half of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from states.tls import codes, supply
from states.tls.supply import SELF_SIGNED
from states.zimbra import files
from states.zimbra.tools import as_zimbra
from zflow.api import Context, Evidence, OperatorError, Step, make_folder, remove_tree, write_atomic

if TYPE_CHECKING:
    from zflow.api import Code

MOUNT = "mount its folder in place of the file, and start the container anew"
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
    """See a whole snapshot of what the operator supplies now; tell of files that were replaced out of sight."""
    found = snapshot(ctx)
    if found is None or found[0].source != source(ctx):
        return None
    told = (f"{path} was replaced, but the container was given that single file and sees the former one: {MOUNT}"
            for path in supply.replaced_files(ctx))  # fmt: skip
    return Evidence(found[0].about, tuple(told))


def inputs(ctx: Context) -> str:
    """Return what makes the step due: other files, and one replaced where it comes from, which is then told."""
    return "\n".join([source(ctx), *map(str, supply.replaced_files(ctx))])


def apply(ctx: Context) -> None:
    """Check the pair, ask the vendor's tool for its opinion, and keep a snapshot.

    Raises OperatorError and TransientError(ISSUER_AWAY).
    """
    from states.tls.verified import make

    supplied, made = supply.settled(ctx, lambda found: make(ctx, found, datetime.fromtimestamp(ctx.clock(), UTC)))
    make_folder(_record(ctx).parent, 0o700)
    if made is None:
        record = Snapshot(SELF_SIGNED, "no pair supplied: the server keeps the certificate it has")
        write_atomic(_record(ctx), json.dumps(asdict(record)) + "\n", mode=0o600)
        remove_tree(_folder(ctx))
        return
    pair, about, elliptic = made
    _ask_vendor(ctx, pair, codes.EC_REFUSED if elliptic else codes.VENDOR_REFUSED)
    make_folder(_folder(ctx), 0o700)
    for name, content in ((KEY, pair.key), (LEAF, pair.leaf), (CHAIN, pair.chain)):
        write_atomic(_folder(ctx) / name, content, mode=0o600)
    record = Snapshot(supplied.source, about, _sum(pair))
    write_atomic(_record(ctx), json.dumps(asdict(record)) + "\n", mode=0o600)


def _ask_vendor(ctx: Context, pair: Pair, code: Code) -> None:
    names = [f"{files.CANDIDATE}/{name}" for name in (KEY, LEAF, CHAIN)]
    for name, content in zip(names, (pair.key, pair.leaf, pair.chain), strict=True):
        files.put(ctx, name, content)
    answer = as_zimbra(ctx, "zmcertmgr", "verifycrt", "comm", *names, ok=(0, 1))
    files.drop(ctx, files.CANDIDATE)
    if answer.code:
        reason = next((line for line in answer.lines if "ERROR" in line), "no reason given")
        raise OperatorError(code, reason)


def cleanup(ctx: Context) -> None:
    """Remove what a killed attempt had put before the vendor's tool."""
    files.drop(ctx, files.CANDIDATE)


STEP = Step(
    name="tls.pair",
    title="Check the supplied key and certificate",
    probe=probe,
    apply=apply,
    cleanup=cleanup,
    inputs=inputs,
    weight=5,
)
