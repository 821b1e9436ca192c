"""The failures a test asked for when it built this release (`--set KEY=VALUE`), at the stage they name."""

import os
import signal
import sys
import time
from typing import Dict

from . import host

FIRED = host.HOME / ".standin-fired"
"""A dot file, so that `times=N` still counts after REMOVE=yes emptied the folder."""


def _spent(known: Dict[str, str]) -> bool:
    """Whether `times=N` misbehaviours were already shown; counts this one."""
    limit = int(known.get("times", "0"))
    done = int(FIRED.read_text()) if FIRED.exists() else 0
    if limit and done >= limit:
        return True
    FIRED.write_text(str(done + 1))
    return False


def wants(key: str, stage: str) -> bool:
    """Whether this stage is the one, and its turn is not over."""
    known = host.behaviours()
    return known.get(key) == stage and not _spent(known)


def before(stage: str) -> None:
    """What happens before a stage has any effect."""
    time.sleep(float(host.behaviours().get("slow", "0")))
    if wants("hang_at", stage):
        while True:
            time.sleep(60)
    if wants("kill_at", stage):
        os.kill(os.getpid(), signal.SIGKILL)
    if wants("question_at", stage):
        print("\nIs the moon full tonight? [Maybe] ", end="", flush=True)
        sys.stdin.readline()


def after(stage: str) -> None:
    """What happens when its effect is there and not yet written to the history."""
    if wants("kill_after", stage):
        os.kill(os.getpid(), signal.SIGKILL)
