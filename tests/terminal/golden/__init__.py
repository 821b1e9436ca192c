"""What the commands print in each stage, as looked at and found good; `python -m tests.terminal.golden` writes it."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path

from tests.terminal.stages import STAGES
from zflow.status.document import gather
from zflow.status.steps import Document
from zflow.status.view import as_text
from zflow.terminal.screen import PIPED, Screen

FOLDER = Path(__file__).parent
SCREENS = {"piped": PIPED, "80": Screen(80), "140": Screen(140)}


@cache
def looked_at(stage: str) -> tuple[Document, float]:
    """Return the status document of a stage, as of a volume at /data, and when it was looked at."""
    with tempfile.TemporaryDirectory() as folder:
        now = STAGES[stage](Path(folder))
        document = gather(Path(folder), lambda: now)
        return json.loads(json.dumps(document).replace(folder, "/data")), now


def shown(stage: str, screen: Screen, *, steps: bool = False) -> str:
    """Return the status of a stage as text."""
    document, now = looked_at(stage)
    return as_text(document, screen, steps=steps, now=now)


def page(screen: Screen) -> str:
    """Return the status of every stage on one screen."""
    return "\n".join(f"=== {stage}: {make.__doc__}\n{shown(stage, screen)}\n" for stage, make in STAGES.items())
