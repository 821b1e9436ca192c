"""What the operator supplies, read once: fingerprint and content are of the same bytes, whatever is written meanwhile.

A renewal replaces key and certificate one after the other, in either order. In between they do not belong together;
that is no error while the files are young, but waited out, and the old pair is served on.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from states.identity import server_name
from states.tls import codes
from states.tls.files import content
from states.tls.settings import NAMES, PASSPHRASE, PRIVATE_CA, certificate_file, key_file
from zflow.api import Context, OperatorError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from states.tls.load import Material

SELF_SIGNED = "self-signed"
SETTLE = 20.0
"""Seconds after the last change in which a half-changed pair may still become whole."""
PATIENCE = 120.0
"""Seconds that a half-changed pair is waited for in all, however often it changes."""
MOMENT = 0.5
"""Seconds between two looks at it."""
HALF = frozenset({codes.HALF_PAIR, codes.MISMATCH, codes.UNREADABLE, codes.PASSPHRASE, codes.INCOMPLETE})
"""What a pair looks like that is being replaced just now."""

T = TypeVar("T")


@dataclass(frozen=True)
class Supplied:
    """The files' contents at one moment; an error in place of what cannot be read. Empty when there are none."""

    contents: dict[Path, bytes | OperatorError]
    source: str
    """The fingerprint of all a pair is made from: files, extra roots and names; or SELF_SIGNED."""

    def material(self, ctx: Context) -> Material:
        """Return the keys and certificates, each once. Raises OperatorError(UNREADABLE or PASSPHRASE)."""
        from states.tls import load

        keys: list[PrivateKeyTypes] = []
        certificates: list[x509.Certificate] = []
        for path, data in self.contents.items():
            if isinstance(data, OperatorError):
                raise data
            found = load.parse(data, str(path), ctx.settings.get(PASSPHRASE))
            keys += found.keys
            certificates += found.certificates
        return load.Material(tuple({public(each): each for each in keys}.values()), tuple(dict.fromkeys(certificates)))


def public(key: PrivateKeyTypes) -> bytes:
    """Return what tells a key from others."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def paths(ctx: Context) -> tuple[Path, ...]:
    """Return where the operator's files are looked for."""
    return tuple(dict.fromkeys((key_file(ctx), certificate_file(ctx))))


def read(ctx: Context, files: Iterable[Path] | None = None) -> Supplied:
    """Read the files now; `files` in place of the configured ones. Never raises."""
    contents: dict[Path, bytes | OperatorError] = {}
    for path in files if files is not None else paths(ctx):
        contents |= _read_one(path)
    return Supplied(contents, _fingerprint(ctx, contents) if contents else SELF_SIGNED)


def _fingerprint(ctx: Context, contents: dict[Path, bytes | OperatorError]) -> str:
    private = ctx.settings.get(PRIVATE_CA)
    named = {**contents, **(_read_one(private) if private else {})}
    parts = [f"{path}={_digest(data)}" for path, data in named.items()]
    return hashlib.sha256("\n".join([*parts, *hosts(ctx)]).encode()).hexdigest()


def hosts(ctx: Context) -> tuple[str, ...]:
    """Return all names that the certificate must be for, the server's own first."""
    others = ctx.settings[NAMES]
    return (server_name(ctx), *others)


def _read_one(path: Path) -> dict[Path, bytes | OperatorError]:
    try:
        data = content(path)
    except OperatorError as error:
        return {path: error}
    return {} if data is None else {path: data}


def _digest(data: bytes | OperatorError) -> str:
    return data.detail if isinstance(data, OperatorError) else hashlib.sha256(data).hexdigest()


def settled(ctx: Context, make: Callable[[], T]) -> T:
    """Return what `make` returns; what it raises of a pair that is just being replaced is waited out."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return make()
        except OperatorError as error:
            if error.code not in HALF or not _young(ctx) or time.monotonic() > deadline:
                raise
            ctx.progress.report(note=f"waiting until the files belong together: {error.detail}")
        ctx.pause(MOMENT)


def _young(ctx: Context) -> bool:
    """Tell whether a file was changed just now; a link that points elsewhere is a change too."""
    changes = [0.0]
    for path in paths(ctx):
        with suppress(OSError):
            changes += [path.stat().st_ctime, path.lstat().st_ctime]
    return ctx.clock() - max(changes) < SETTLE
