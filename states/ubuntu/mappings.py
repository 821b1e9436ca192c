"""Which processes still run files that an update has replaced: the update has an effect at their next start only.

dpkg renames the new file over the old one, which stays mapped in its processes without a name: `(deleted)` in
/proc/PID/maps, proc(5). Only processes that started before the last update are looked at.
"""

from __future__ import annotations

import os
import re
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from zflow.api import Context, proc

CHANGED = Path("var/lib/dpkg/info")
"""Every installation of a package writes into this folder."""
PROGRAM = r"^\S+ ..x\S* .*/(usr|lib|lib64|bin|sbin|opt/zimbra/common)/.* \(deleted\)$"
"""A mapping of a package's program or library without a name, for grep(1) and for Python. What Java unpacks and removes
at once lies elsewhere."""


def replaced(ctx: Context, pids: Iterable[int]) -> list[int]:
    """Return those of the processes that still run replaced files; a process that cannot be looked at is left out."""
    try:
        changed = (ctx.volume / CHANGED).stat().st_mtime
    except OSError:
        return []
    hidden: dict[int, list[int]] = defaultdict(list)
    found = []
    for pid in pids:
        if _started(pid) > changed:
            continue
        try:
            maps = Path(f"/proc/{pid}/maps").read_text(errors="replace")
        except PermissionError:
            if owner := proc.user(pid):
                hidden[owner].append(pid)
        except OSError:
            continue
        else:
            found += [pid] if re.search(PROGRAM, maps, re.MULTILINE) else []
    return sorted([*found, *(pid for owner, each in hidden.items() for pid in _as_owner(ctx, owner, each))])


def _started(pid: int) -> float:
    """Return when a process started, in seconds since 1970; infinite when it is gone."""
    if not (ticks := proc.start_time(pid)):
        return float("inf")
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")


def _as_owner(ctx: Context, owner: int, pids: list[int]) -> list[int]:
    """Look as the owner of the processes, who may see more than root without CAP_SYS_PTRACE; ptrace(2)."""
    maps = [f"/proc/{pid}/maps" for pid in pids]
    argv = ["setpriv", f"--reuid={owner}", "--clear-groups", "grep", "-slE", PROGRAM, *maps]
    lines = ctx.shell.run(*argv, ok=range(256), quiet=True, timeout=30).lines
    return [int(line.split("/")[2]) for line in lines if line in maps]
