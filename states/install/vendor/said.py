"""What the vendor's program called failed while the server lacks nothing: told as notices, in the start of its run."""

from __future__ import annotations

import json
from collections.abc import Sequence

from states import witness
from zflow.api import Context

WITNESS = "vendor-said"


def remember(ctx: Context, failed: Sequence[str]) -> None:
    """Write the lines down. They are told in this start: later, what failed may have been mended."""
    witness.attest(ctx, WITNESS, json.dumps({"boot": ctx.boot, "failed": list(failed)}) + "\n")


def notices(ctx: Context) -> tuple[str, ...]:
    """Return them as notices."""
    found = json.loads(witness.recall(ctx, WITNESS) or "{}")
    if found.get("boot") != ctx.boot:
        return ()
    return tuple(f"the vendor's installer said: {each}" for each in found["failed"])
