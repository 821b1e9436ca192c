"""What the vendor's program called failed, and what differs from its answers, while the server lacks nothing it needs.

They are notices in the start in which they were seen: later, an operator may have repaired what failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from states.zimbra import marks
from zflow.api import Context

MARK = "vendor-said"


@dataclass(frozen=True)
class Told:
    """The notices, and the start of the container to which they belong."""

    boot: str
    told: tuple[str, ...]


def remember(ctx: Context, failed: Sequence[str], seen: Sequence[str] = ()) -> None:
    """Write the notices of this start."""
    told = (*(f"the vendor's installer reported: {each}" for each in failed), *(f"read back: {each}" for each in seen))
    marks.save(marks.path(ctx, MARK), Told(ctx.boot, told))


def notices(ctx: Context) -> tuple[str, ...]:
    """Return the notices of this start."""
    found = marks.load(marks.path(ctx, MARK), Told)
    return found.told if found and found.boot == ctx.boot else ()
