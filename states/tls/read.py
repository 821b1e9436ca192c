"""The supplied pair, read once: the files' bytes, the names that it must be for, and whom to trust.

All later stages work on this value and ask nothing again: what is checked has the recorded fingerprint, whatever is
written meanwhile. A renewal replaces key and certificate one after the other, in either order. In between they do not
belong together. While the files are young that is not an error: zflow waits, and the server keeps the old pair.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from states.server import server_name
from states.tls import codes
from states.tls.settings import AIA, AIA_NETWORKS, CERTIFICATE, KEY, NAMES, PASSPHRASE, PRIVATE_CA
from zflow.api import Context, OperatorError, Secret, Watch

LIMIT = 1 << 20
"""Bytes; the largest chain in use is a hundredth of it."""
ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What the kernel says of a path that leads to no file."""
SELF_SIGNED = "self-signed"
"""The fingerprint of nothing supplied."""
SETTLE = 20.0
"""Seconds after the last change in which the other half of a pair may still be written."""
PATIENCE = 120.0
"""Seconds to wait for the other half in all, however often the files change."""
MOMENT = 0.5
"""Seconds between two looks at it."""
HALF = frozenset({codes.HALF_PAIR, codes.MISMATCH, codes.UNREADABLE, codes.PASSPHRASE, codes.INCOMPLETE, codes.MISSING})
"""What a pair looks like that is being replaced just now."""

T = TypeVar("T")
Contents = Mapping[Path, bytes | OperatorError]
"""Files and their bytes; an error in place of what cannot be read."""


@dataclass(frozen=True)
class Supplied:
    """What the operator supplies at one moment. Without contents: nothing."""

    contents: Contents
    roots: Contents
    """The file of the operator's own CA, if a setting names one."""
    hosts: tuple[str, ...]
    """The names that the certificate must be for, the server's own first."""
    passphrase: Secret | None
    networks: tuple[str, ...] | None
    """Networks in which a CA's server may be asked besides the public ones; None: no server is asked."""

    @property
    def source(self) -> str:
        """The fingerprint of all that a pair is made from: files, extra roots and names; or SELF_SIGNED."""
        if not self.contents:
            return SELF_SIGNED
        parts = [f"{path}={_digest(data)}" for path, data in {**self.contents, **self.roots}.items()]
        return hashlib.sha256("\n".join([*parts, *self.hosts]).encode()).hexdigest()


def paths(ctx: Context) -> tuple[Path, ...]:
    """Return where zflow looks for the supplied pair."""
    folder = ctx.volume / "app/tls"
    key, certificate = ctx.settings.get(KEY), ctx.settings.get(CERTIFICATE)
    return tuple(dict.fromkeys((key or folder / "zimbra.key", certificate or folder / "zimbra.crt")))


def _roots(ctx: Context) -> tuple[Path, ...]:
    private = ctx.settings.get(PRIVATE_CA)
    return () if private is None else (private,)


def watched_files(ctx: Context) -> tuple[Watch, ...]:
    """Return which files to watch: a renewed pair is served without a command."""
    return (Watch("certificate", paths=tuple(map(str, [*paths(ctx), *_roots(ctx)]))),)


def read(ctx: Context, files: Iterable[Path] | None = None) -> Supplied:
    """Read the files now; `files` in place of the configured ones. Never raises.

    A named file must exist; only those at the default paths may be absent.
    """
    settings = ctx.settings
    wanted = paths(ctx) if files is None else tuple(files)
    named = wanted if files is not None else (settings.get(KEY), settings.get(CERTIFICATE))
    return Supplied(
        contents=_read(wanted, named),
        roots=_read(_roots(ctx), _roots(ctx)),
        hosts=(server_name(ctx), *settings[NAMES]),
        passphrase=settings.get(PASSPHRASE),
        networks=tuple(str(each) for each in settings[AIA_NETWORKS]) if settings[AIA] else None,
    )


def readable(contents: Contents) -> dict[Path, bytes]:
    """Return the bytes of files. Raises the OperatorError of what cannot be read."""
    found = {}
    for path, data in contents.items():
        if isinstance(data, OperatorError):
            raise data
        found[path] = data
    return found


def _read(files: Iterable[Path], named: Iterable[Path | None]) -> Contents:
    found: dict[Path, bytes | OperatorError] = {}
    for path in files:
        try:
            data = content(path, named=path in named)
        except OperatorError as error:
            found[path] = error
        else:
            found |= {} if data is None else {path: data}
    return found


def content(path: Path, *, named: bool = False) -> bytes | None:
    """Return a file's content, None when there is no such file, which is an error for a `named` one and for a link.

    Raises OperatorError(MISSING or UNREADABLE).
    """
    try:
        if not path.is_file() and path.stat():
            raise OperatorError(codes.UNREADABLE, f"{path} is not a regular file")
        with path.open("rb") as file:
            found = file.read(LIMIT + 1)
    except OSError as error:
        if error.errno not in ABSENT:
            raise OperatorError(codes.UNREADABLE, f"{path}: {error.strerror}") from error
        if (gap := _gap(path)) is not None:
            raise OperatorError(codes.MISSING, gap) from error
        if named:
            raise OperatorError(codes.MISSING, f"{path}: there is no such file") from error
        return None
    if len(found) > LIMIT:
        raise OperatorError(codes.UNREADABLE, f"{path} is larger than {LIMIT} bytes")
    return found


def _gap(path: Path) -> str | None:
    """Return which link on the way to a file leads nowhere, in words; None when none does."""
    try:
        for each in (*reversed(path.parents), path):
            if each.is_symlink() and not os.path.exists(each):  # noqa: PTH110 - Path.exists raises for what it may not see
                return f"{path}: the link {each} leads to {each.readlink()}, which is not there"
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None


def _digest(data: bytes | OperatorError) -> str:
    return data.detail if isinstance(data, OperatorError) else hashlib.sha256(data).hexdigest()


def replaced(path: Path) -> bool:
    """Tell whether a file is seen that its folder no longer has: mounted alone, and replaced where it is from."""
    try:
        return path.stat().st_nlink == 0
    except OSError:
        return False


def replaced_files(ctx: Context) -> tuple[Path, ...]:
    """Return which of the operator's files were replaced where they come from, while zflow sees the former ones."""
    return tuple(path for path in (*paths(ctx), *_roots(ctx)) if replaced(path))


def settled(ctx: Context, make: Callable[[Supplied], T]) -> tuple[Supplied, T]:
    """Return what is supplied and what `make` makes of it; wait while it raises and the pair is being replaced.

    It is called again only when the files have changed: its work is slow, and may go over the network.
    """
    deadline = time.monotonic() + PATIENCE
    supplied = read(ctx)
    while True:
        try:
            return supplied, make(supplied)
        except OperatorError as refusal:
            found = supplied
            while found.source == supplied.source:
                if refusal.code not in HALF or not _young(ctx) or time.monotonic() > deadline:
                    raise
                ctx.progress.report(note=f"waiting for the other half of the pair: {refusal.detail}")
                ctx.pause(MOMENT)
                found = read(ctx)
            supplied = found


def _young(ctx: Context) -> bool:
    """Tell whether a file was changed just now; a link that points elsewhere is a change too."""
    changes = [0.0]
    for path in paths(ctx):
        with suppress(OSError):
            changes += [path.stat().st_ctime, path.lstat().st_ctime]
    return ctx.clock() - max(changes) < SETTLE
