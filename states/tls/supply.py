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
from typing import TypeVar

from states.server import server_name
from states.tls import codes
from states.tls.files import content, replaced
from states.tls.settings import CERTIFICATE, KEY, NAMES, PRIVATE_CA, certificate_file, key_file
from zflow.api import Context, OperatorError

SELF_SIGNED = "self-signed"
SETTLE = 20.0
"""Seconds after the last change in which a half-changed pair may still become whole."""
PATIENCE = 120.0
"""Seconds that a half-changed pair is waited for in all, however often it changes."""
MOMENT = 0.5
"""Seconds between two looks at it."""
HALF = frozenset({codes.HALF_PAIR, codes.MISMATCH, codes.UNREADABLE, codes.PASSPHRASE, codes.INCOMPLETE, codes.MISSING})
"""What a pair looks like that is being replaced just now."""

T = TypeVar("T")


@dataclass(frozen=True)
class Supplied:
    """The files' contents at one moment; an error in place of what cannot be read. Empty when there are none."""

    contents: dict[Path, bytes | OperatorError]
    source: str
    """The fingerprint of all a pair is made from: files, extra roots and names; or SELF_SIGNED."""

    def readable(self) -> dict[Path, bytes]:
        """Return the contents. Raises the OperatorError of what cannot be read."""
        found = {}
        for path, data in self.contents.items():
            if isinstance(data, OperatorError):
                raise data
            found[path] = data
        return found


def paths(ctx: Context) -> tuple[Path, ...]:
    """Return where the operator's files are looked for."""
    return tuple(dict.fromkeys((key_file(ctx), certificate_file(ctx))))


def read(ctx: Context, files: Iterable[Path] | None = None) -> Supplied:
    """Read the files now; `files` in place of the configured ones. Never raises.

    One that somebody named must be there; only those looked for by default may be absent.
    """
    contents: dict[Path, bytes | OperatorError] = {}
    named = set(files) if files is not None else _named(ctx)
    for path in files if files is not None else paths(ctx):
        contents |= _read_one(path, named=path in named)
    return Supplied(contents, _fingerprint(ctx, contents) if contents else SELF_SIGNED)


def _named(ctx: Context) -> set[Path]:
    return {path for setting in (KEY, CERTIFICATE) if (path := ctx.settings.get(setting)) is not None}


def replaced_files(ctx: Context) -> tuple[Path, ...]:
    """Return which of the operator's files were replaced where they come from, while we see the former ones."""
    private = ctx.settings.get(PRIVATE_CA)
    return tuple(path for path in (*paths(ctx), *([private] if private else [])) if replaced(path))


def _fingerprint(ctx: Context, contents: dict[Path, bytes | OperatorError]) -> str:
    private = ctx.settings.get(PRIVATE_CA)
    named = {**contents, **(_read_one(private, named=True) if private else {})}
    parts = [f"{path}={_digest(data)}" for path, data in named.items()]
    return hashlib.sha256("\n".join([*parts, *hosts(ctx)]).encode()).hexdigest()


def hosts(ctx: Context) -> tuple[str, ...]:
    """Return all names that the certificate must be for, the server's own first."""
    others = ctx.settings[NAMES]
    return (server_name(ctx), *others)


def _read_one(path: Path, *, named: bool) -> dict[Path, bytes | OperatorError]:
    try:
        data = content(path, named=named)
    except OperatorError as error:
        return {path: error}
    return {} if data is None else {path: data}


def _digest(data: bytes | OperatorError) -> str:
    return data.detail if isinstance(data, OperatorError) else hashlib.sha256(data).hexdigest()


def settled(ctx: Context, make: Callable[[Supplied], T]) -> tuple[Supplied, T]:
    """Return what `make` makes of the files; what it raises of a pair that is just being replaced is waited out.

    It is asked again only when the files have changed: its work is dear, and may go over the network.
    """
    deadline = time.monotonic() + PATIENCE
    supplied = read(ctx)
    while True:
        try:
            return supplied, make(supplied)
        except OperatorError as error:
            refusal = error
        while True:
            if refusal.code not in HALF or not _young(ctx) or time.monotonic() > deadline:
                raise refusal
            ctx.progress.report(note=f"waiting until the files belong together: {refusal.detail}")
            ctx.pause(MOMENT)
            if (found := read(ctx)).source != supplied.source:
                supplied = found
                break


def _young(ctx: Context) -> bool:
    """Tell whether a file was changed just now; a link that points elsewhere is a change too."""
    changes = [0.0]
    for path in paths(ctx):
        with suppress(OSError):
            changes += [path.stat().st_ctime, path.lstat().st_ctime]
    return ctx.clock() - max(changes) < SETTLE
