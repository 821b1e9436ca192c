"""What a server needs of its container: memory, open files, processes, room on the volume."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

from states.ubuntu.memory import cgroup_limits, memory
from states.zimbra.settings import MINIMUM_DISK, MINIMUM_MEMORY
from zflow.api import Context

VENDOR = 524288
LEAST = 10000
"""Open files below which mailboxd and nginx run dry even on a quiet server."""
PROCESSES = (Path("/sys/fs/cgroup/pids.max"), Path("/sys/fs/cgroup/pids/pids.max"))
"""Version 2 and version 1; Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/pids.rst. Threads count as well."""
LEAST_PROCESSES = 1000
"""The mailbox server alone may have 570 threads for its clients (zimbraHttpNumThreads 250, zimbraImapNumThreads 200,
zimbraPop3NumThreads 100, zimbraLmtpNumThreads 20); all the others need some as well."""
KEPT_BY_THE_KERNEL = 0.06
"""Share of a machine's nominal memory that programs do not see: "8 GB" are 7.7 GiB to them."""


def open_files() -> int:
    """Return how many files a process of this container may open at most, up to what the vendor asks for."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return VENDOR if hard == resource.RLIM_INFINITY else min(hard, VENDOR)


def processes(limits: tuple[Path, ...] = PROCESSES) -> int | None:
    """Return how many processes and threads this container may have at most; None where that has no limit."""
    return min(cgroup_limits(limits), default=None)


def too_little_memory(ctx: Context) -> str:
    """Say what memory there is and what is wanted; empty where it is enough."""
    have, least = memory().limit / (1 << 30), ctx.settings[MINIMUM_MEMORY]
    if have >= least * (1 - KEPT_BY_THE_KERNEL):
        return ""
    return f"{have:.1f} GiB of memory, at least {least} required ({MINIMUM_MEMORY.variable} for rehearsals)"


def too_little_room(ctx: Context) -> Iterator[str]:
    """Say when the volume has too little room for the vendor's packages."""
    room = os.statvfs(ctx.volume)
    free, least = room.f_bavail * room.f_frsize / (1 << 30), ctx.settings[MINIMUM_DISK]
    if free < least:
        yield f"{free:.1f} GiB free on the volume, at least {least} required ({MINIMUM_DISK.variable} for rehearsals)"
