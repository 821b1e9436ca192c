"""The pairs on record, and the server's certificate files: facts, and the way of a pair into these files.

On record are the snapshot of the supplied pair that passed all checks, and the proof of the deployed pair. The previous
pair is recorded before anything is touched and removed after the end, whichever end it is: while it is there, a change
is under way or was interrupted, and it says what to go back to.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from states.zimbra import files, marks
from states.zimbra.tools import as_zimbra
from zflow.api import CommandError, Context, make_folder, read_bytes, remove_tree, write_atomic

KEY, LEAF, CHAIN = "key.pem", "crt.pem", "chain.pem"
CANDIDATES = tuple(f"{files.CANDIDATE}/{name}" for name in (KEY, LEAF, CHAIN))
"""Where the vendor's tool gets a pair from."""
SERVERS = ("imapd", "nginx", "slapd", "smtpd")
"""What zmcertmgr copies a pair to, one file after the other; the mail store gets a file of its own in between."""
INSTALLED = tuple(f"{files.CONF}/{name}.{kind}" for name in ("nginx", "smtpd") for kind in ("crt", "key"))
"""Where zmcertmgr puts the pair for the proxy and the MTA."""
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(?:(?!-----BEGIN ).)*?-----END CERTIFICATE-----", re.DOTALL)
"""One ends where another begins: user zimbra may write many beginnings without an end."""


@dataclass(frozen=True)
class Pair:
    """A pair that passed all checks, as PEM."""

    key: str
    leaf: str
    chain: str
    """From the issuer to the root, both included."""

    @property
    def sum(self) -> str:
        """The SHA-256 of the three files."""
        return hashlib.sha256(f"{self.key}{self.leaf}{self.chain}".encode()).hexdigest()


@dataclass(frozen=True)
class Snapshot:
    """The record of the pair to serve."""

    source: str
    """The fingerprint of all it was made from."""
    about: str
    """For people: subject and end."""
    pair: str = ""
    """Its sum; empty when none is supplied."""


@dataclass(frozen=True)
class Proof:
    """What the handshakes proved: the pair's sum, the fingerprints of the files it was installed as, and the ports."""

    pair: str
    files: dict[str, str]
    ports: tuple[int, ...]


@dataclass(frozen=True)
class Previous:
    """The previous pair, to which to roll back. `chain` empty means the installer's self-signed certificate."""

    ports: tuple[int, ...]
    """Those that answered, hence those that must answer afterwards."""
    key: str = ""
    leaf: str = ""
    chain: str = ""
    directory: bool = False
    """Whether the directory, which shows its certificate only inside, may have read the new one."""


def record(ctx: Context, name: str) -> Path:
    """Return where a record lies."""
    return ctx.home / "tls" / name


def previous_file(ctx: Context) -> Path:
    """Return where the previous pair lies while a change is under way."""
    return record(ctx, "previous.json")


def previous(ctx: Context) -> Previous | None:
    """Return the pair to which to roll back; None when no change is under way."""
    return marks.load(previous_file(ctx), Previous)


def snapshot(ctx: Context) -> tuple[Snapshot, Pair | None] | None:
    """Return the record and the pair to serve (None when self-signed); None when it is incomplete."""
    found = marks.load(record(ctx, "pair.json"), Snapshot)
    if found is None or not found.pair:
        return None if found is None else (found, None)
    try:
        pair = Pair(*((record(ctx, "pair") / name).read_text() for name in (KEY, LEAF, CHAIN)))
    except (OSError, ValueError):
        return None
    return (found, pair) if pair.sum == found.pair else None


def save_snapshot(ctx: Context, source: str, about: str, pair: Pair | None) -> None:
    """Write the snapshot; a kill in between leaves an incomplete one, which counts as none."""
    folder = record(ctx, "pair")
    make_folder(folder.parent, 0o700)
    if pair is not None:
        make_folder(folder, 0o700)
        for name, content in ((KEY, pair.key), (LEAF, pair.leaf), (CHAIN, pair.chain)):
            write_atomic(folder / name, content, mode=0o600)
    marks.save(record(ctx, "pair.json"), Snapshot(source, about, pair.sum if pair is not None else ""))
    if pair is None:
        remove_tree(folder)


def fingerprints(ctx: Context) -> dict[str, str]:
    """Return the fingerprints of the installed files; empty when one is missing."""
    try:
        contents = {path: read_bytes(files.on_volume(ctx, path)) for path in INSTALLED}
    except OSError:
        return {}
    return {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}


def proof(ctx: Context) -> Proof | None:
    """Return what the handshakes proved last."""
    return marks.load(record(ctx, "deployed.json"), Proof)


def save_proof(ctx: Context, pair: str, ports: tuple[int, ...]) -> None:
    """Record that the installed files are served as this pair."""
    marks.save(record(ctx, "deployed.json"), Proof(pair, fingerprints(ctx), ports))


def in_place(ctx: Context) -> tuple[Snapshot, Proof | None] | None:
    """Return the snapshot and its proof when the installed files are still those that the handshakes proved for it.

    No proof where no pair is supplied; None while there is something to deploy or to roll back.
    """
    found, installed = snapshot(ctx), fingerprints(ctx)
    if found is None or not installed or previous_file(ctx).exists():
        return None
    made, pair = found
    if pair is None:
        return made, None
    seen = proof(ctx)
    return (made, seen) if seen is not None and (seen.pair, seen.files) == (made.pair, installed) else None


def proven(ctx: Context) -> Pair | None:
    """Return the supplied pair if it is the one that was proven on the ports last."""
    found, seen = snapshot(ctx), proof(ctx)
    return found[1] if found is not None and seen is not None and found[0].pair == seen.pair else None


def validity(ctx: Context) -> tuple[datetime, datetime] | None:
    """Return from when to when the installed certificate is valid; None while there is none."""
    from cryptography import x509

    found = certificates(files.text(ctx, INSTALLED[0]))
    try:
        certificate = x509.load_pem_x509_certificate(found[0].encode())
        valid = certificate.not_valid_before_utc, certificate.not_valid_after_utc  # parsed only here
    except (IndexError, ValueError, TypeError, x509.InvalidVersion):
        return None
    return valid


def certificates(text: str) -> list[str]:
    """Return the certificates of a PEM text in order."""
    return [f"{each}\n" for each in CERTIFICATE.findall(text)]


def install(ctx: Context, pair: Pair | Previous, *options: str) -> None:
    """Put a pair into the server's files by the vendor's tool. Raises CommandError."""
    if pair.chain:
        _, leaf, chain = CANDIDATES
        files.put(ctx, files.COMMERCIAL_KEY, pair.key)
        files.put(ctx, leaf, pair.leaf)
        files.put(ctx, chain, pair.chain)
        as_zimbra(ctx, "zmcertmgr", "deploycrt", "comm", leaf, chain, *options, timeout=300)
        files.drop(ctx, files.CANDIDATE)
    else:
        as_zimbra(ctx, "zmcertmgr", "deploycrt", "self", *options, timeout=300)


def put_back(ctx: Context, pair: Pair | Previous, *options: str) -> None:
    """Put a pair back into the server's files, also where the vendor's tool refuses it: it may have expired."""
    try:
        install(ctx, pair, *options)
    except CommandError as error:
        ctx.log(f"{error}; zflow writes the files without the tool")
        for name in SERVERS:
            files.put(ctx, f"{files.CONF}/{name}.key", pair.key)
            files.put(ctx, f"{files.CONF}/{name}.crt", f"{pair.leaf}{pair.chain}")
