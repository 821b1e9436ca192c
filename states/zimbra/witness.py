"""Witnesses: small files that say what was read back from the server, so that a cheap look need not ask it again.

The witness tells what was written last, so that a probe knows whether that was ever done, and a value set by hand from
one of zflow's. Where a question is cheap (the directory without Java) the probe asks the server besides; where it is
dear, only the step's audit does.
"""

from __future__ import annotations

from pathlib import Path

from zflow.api import Context, holds, make_folder, remove_tree, write_atomic


def _path(ctx: Context, name: str) -> Path:
    return ctx.home / "witness" / name


def agrees(ctx: Context, name: str, text: str) -> bool:
    """Tell whether exactly `text` was attested under that name."""
    return holds(_path(ctx, name), text)


def attest(ctx: Context, name: str, text: str) -> None:
    """Write down that `text` was read back."""
    make_folder(_path(ctx, name).parent, 0o700)
    write_atomic(_path(ctx, name), text, mode=0o600)


def forget(ctx: Context) -> None:
    """Remove them all: of a server that is about to be built nothing was read yet."""
    remove_tree(ctx.home / "witness")


def recall(ctx: Context, name: str) -> str:
    """Return what was attested last; empty when nothing was."""
    try:
        return _path(ctx, name).read_text()
    except OSError:
        return ""
