"""Tells a copied volume: two servers of one name would take each other's mail, and neither would know of the other.

A copy by files (cp, tar, rsync, a restored backup) gives every folder another inode; that is looked at against what was
written down at the last start. A copy by blocks keeps them and cannot be told from inside. A copy is legitimate, it may
be a restore: so it is said once, and the server starts.
"""

from __future__ import annotations

from states.install.inodes import WORDS, moved, record, recorded
from states.zimbra import rights
from states.zimbra.proof import proven
from zflow.api import Context, Evidence, Scope, Step


def probe(ctx: Context) -> Evidence | None:
    """See whether everything lies where it was written down; in the start that found a copy, say so."""
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
    """Write down where everything lies, and of a server that an earlier zflow installed its owners and rights."""
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
