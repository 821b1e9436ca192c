"""What the vendor's program called failed, and what differs from the answers, while the server lacks nothing it needs:
told as notices, in the start of its run."""

from __future__ import annotations

import json
from collections.abc import Sequence

from states.zimbra import marks
from zflow.api import Context

MARK = "vendor-said"


def remember(ctx: Context, failed: Sequence[str], seen: Sequence[str] = ()) -> None:
    """Write the lines down. They are told in this start: later, what failed may have been mended."""
    told = [*(f"the vendor's installer said: {each}" for each in failed), *(f"read back: {each}" for each in seen)]
    marks.write(ctx, MARK, json.dumps({"boot": ctx.boot, "told": told}) + "\n")


def notices(ctx: Context) -> tuple[str, ...]:
    """Return them as notices."""
    found = json.loads(marks.read(ctx, MARK) or "{}")
    return tuple(found.get("told", ())) if found.get("boot") == ctx.boot else ()
