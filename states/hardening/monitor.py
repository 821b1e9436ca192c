"""The login monitor: its program, and whether the installed one is zflow's."""

from __future__ import annotations

import hashlib
from pathlib import Path

from states.zimbra import files
from zflow.api import Context

PATH = "/opt/zimbra/libexec/auditswatch"
PROGRAM = Path(__file__).with_name("auditswatch.pl")
LINE = "# zflow-auditswatch "


def program() -> str:
    """Return the program."""
    return PROGRAM.read_text()


def digest(text: str) -> str:
    """Return the SHA-256 of a program in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def foreign(ctx: Context) -> bool:
    """Tell whether the installed program is not zflow's."""
    found = files.text(ctx, PATH)
    return bool(found) and LINE not in found
