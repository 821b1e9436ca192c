"""Where the checkout lies, for tests that start programs of their own, and how to wait for what they do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
LIMIT = 30.0
"""Seconds after which what was waited for will not come; never reached when all is well."""


def wait_for(look: Callable[[], T], what: str) -> T:
    """Return the first truthy answer of `look`; fail when there is none in time."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError(f"waited in vain for {what}")


def gone(pid: int) -> bool:
    """Tell whether a process has ended, whoever is to reap it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
