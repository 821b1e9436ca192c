"""How often the kernel has ended a process of this container for want of memory: the control group's own counter."""

from __future__ import annotations

from pathlib import Path

COUNTERS: tuple[Path, ...] = (Path("/sys/fs/cgroup/memory.events"), Path("/sys/fs/cgroup/memory/memory.oom_control"))
"""Version 2 and version 1; Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst."""


def oom_kills() -> int:
    """Return the counter `oom_kill`; 0 where nobody counts."""
    for path in COUNTERS:
        try:
            text = path.read_text()
        except OSError:
            continue
        for line in text.splitlines():
            name, _, number = line.partition(" ")
            if name == "oom_kill" and number.isdecimal():
                return int(number)
    return 0
