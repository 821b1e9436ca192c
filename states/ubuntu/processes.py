"""The processes inside the Ubuntu on the volume, recognised by their root directory.

A number in a file proves nothing: after a restart of the container it may belong to any process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from zflow.api import Context, proc, read_text

MOMENT = 0.1
SOON = 0.02
"""Seconds between two looks at a process that was just started: it takes milliseconds, and a restart waits for it."""
ALIVE = """\
for file; do
    dd if="$file" iflag=nofollow,nonblock bs=32 count=1 status=none 2>/dev/null |
        { read -r pid _; kill -0 "$pid" 2>/dev/null; } || { echo "$file"; dead=1; }
done
exit ${dead:-0}
"""
"""A shell's command that prints those of its arguments, files with a process id, whose process is gone. User zimbra may
put a link, a pipe or a file without end in their place: no more than a number is read, and nothing is waited for."""


def came(ctx: Context, there: Callable[[], object], patience: float) -> bool:
    """Wait for something that was just started; return whether it was there within `patience` seconds."""
    for _ in range(int(patience / SOON)):
        if there():
            return True
        ctx.pause(SOON)
    return False


def inside(ctx: Context, pid: int) -> bool:
    """Tell whether a process lives inside the volume's Ubuntu; a zombie does not.

    The root directory of another user's process is hidden from a root without CAP_SYS_PTRACE (ptrace(2), "access mode
    checking"). Outside the Ubuntu this container runs no process of another user, so a hidden process of this container
    lives inside.
    """
    try:
        return Path(f"/proc/{pid}/root").readlink() == ctx.volume.resolve()
    except PermissionError:
        # In our control group, as the host's processes are not where its process ids are shared.
        return proc.cgroup(pid) == proc.cgroup("self") and not proc.is_zombie(pid)
    except OSError:
        return False


def from_file(path: Path) -> int | None:
    """Return the process id in a file; None when it holds none."""
    try:
        return int(read_text(path).split()[0])
    except (OSError, ValueError, IndexError):
        return None


def all_inside(ctx: Context) -> list[int]:
    """Return every process inside the volume's Ubuntu."""
    return [pid for pid in proc.pids() if pid != os.getpid() and inside(ctx, pid)]


def found(ctx: Context, fits: Callable[[int], bool]) -> list[int]:
    """Return the processes inside that fit, without children of such processes; for a process whose file is lost."""
    fitting = {pid for pid in all_inside(ctx) if fits(pid)}
    return sorted(pid for pid in fitting if proc.parent(pid) not in fitting)


def command_of(pid: int) -> str:
    """Return the command line of a process, its words joined by blanks; empty when it is gone."""
    return " ".join(proc.arguments(pid)).strip()


def ancestors(pid: int) -> set[int]:
    """Return the parent of a process, the parent's parent, and so on."""
    found: set[int] = set()
    while (pid := proc.parent(pid)) not in found | {0}:
        found.add(pid)
    return found


def end(ctx: Context, pids: list[int], patience: float) -> list[int]:
    """End processes by TERM, and by KILL after `patience` seconds; return those that were killed."""
    for pid in pids:
        _send(pid, signal.SIGTERM)
    until = time.monotonic() + patience
    while (left := [pid for pid in pids if inside(ctx, pid)]) and time.monotonic() < until:
        time.sleep(MOMENT)
    for pid in left:
        _send(pid, signal.SIGKILL)
    return left


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
