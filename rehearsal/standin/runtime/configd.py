"""zmconfigd: renders what the attributes changed, by the minute or on a request, as the vendor's loop does."""

import sys
import threading
import time
from typing import Dict, Sequence

from . import host, localconfig, rewrite, services

_seen: Dict[str, object] = {}
_at_work = threading.Lock()


def minute() -> float:
    """Seconds from turn to turn: the vendor's 60, or what `--set minute=SECONDS` makes of them."""
    return float(host.behaviours().get("minute") or localconfig.get("zmconfigd_interval") or "60")


def begin() -> None:
    """The first turn: renders everything, restarts nothing (state.py 606)."""
    with _at_work:
        rewrite.turn(_seen)
    rewrite.refresh_maps()


def requested(sections: Sequence[str]) -> None:
    """A turn on a request: restarts nothing (state.py 606)."""
    with _at_work:
        rewrite.turn(_seen, sections)


def by_itself() -> None:
    """A turn of the minute: what changed is rendered, and restarted; the MTA is reloaded (state.py 763-765)."""
    with _at_work:
        for section in rewrite.turn(_seen):
            control = services.CONTROLS[rewrite.SECTIONS[section].restarts]
            if localconfig.get("zmconfigd_enable_config_restarts") == "true" and control.status() == 0:
                control.restart(rewriting=False)


def forever() -> None:
    """A turn every minute; between them the maps, which are LDAP queries at the vendor's and need no turn."""
    due = time.monotonic() + minute()
    while True:
        time.sleep(1)
        try:
            if rewrite.refresh_maps() and services.SERVERS["postfix"].running():
                services.SERVERS["postfix"].reload()
            if time.monotonic() >= due:
                due = time.monotonic() + minute()
                by_itself()
        except (OSError, ValueError, KeyError, IndexError) as problem:
            print(problem, file=sys.stderr, flush=True)


def answer(line: str) -> str:
    """What the listener says to a line of somebody (zm-jython, listener.py 34-61)."""
    words = line.split()
    if words[:1] == ["STATUS"]:
        return "SUCCESS ACTIVE"
    if words[:1] != ["REWRITE"]:
        return "ERROR UNKNOWN COMMAND"
    if not words[1:]:
        return "ERROR NO SERVICES LISTED"
    requested(words[1:])
    return "SUCCESS REWRITES COMPLETE"
