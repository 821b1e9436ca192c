"""Recognises a copied volume: two servers of one name would receive each other's mail without a sign of it.

A copy by files (cp, tar, rsync, a restored backup) gives every folder another inode; that is looked at against what was
recorded at the last start. A copy by blocks keeps them and cannot be recognised from inside. A copy may be a restore:
so it is a notice, and the server starts.
"""

from __future__ import annotations

from states.install.inodes import WORDS, moved, record, recorded
from states.zimbra import rights
from states.zimbra.proof import proven
from zflow.api import Context, Evidence, Scope, Step


def probe(ctx: Context) -> Evidence | None:
    """Compare the inodes with the recorded ones; in the start that found a copy, return a notice."""
    mark = recorded(ctx)
    if mark is None or moved(ctx) or (proven(ctx) and not rights.remembered(ctx)):
        return None
    if mark.copied != ctx.boot:
        return Evidence(f"not a copy: {len(mark.inodes)} folders have the same inodes as at the last start")
    return Evidence(
        "the volume is a copy",
        (f"{WORDS}; if the original server still runs, stop one of the two: both would receive the same mail",),
    )


def apply(ctx: Context) -> None:
    """Record the inodes, and the owners and rights of a server that an earlier zflow installed."""
    if proven(ctx) and not rights.remembered(ctx):
        rights.remember(ctx)
    record(ctx)


STEP = Step(
    name="install.origin",
    title="Check that this is not a copy of another server",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=10,
)
