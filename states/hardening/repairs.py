"""What a step repaired last, for its evidence: the history then names it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from states.zimbra import marks
from zflow.api import Context


def note(ctx: Context, step: str, key: str, names: Iterable[str]) -> None:
    """Write down what the step is about to repair under its present key; before it does, because of kills."""
    marks.write(ctx, f"{step}.restored", json.dumps({"key": key, "names": sorted(names)}))


def suffix(ctx: Context, step: str, key: str) -> str:
    """Return what was repaired under this key, to be added to an evidence; empty when nothing was."""
    found = json.loads(marks.read(ctx, f"{step}.restored") or "{}")
    names = found.get("names") if found.get("key") == key else None
    return f"; restored: {', '.join(names)}" if names else ""
