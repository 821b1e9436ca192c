"""How many processes of this container the kernel has killed because memory ran out: the control group's counter."""

from __future__ import annotations

from pathlib import Path

COUNTERS: tuple[Path, ...] = (Path("/sys/fs/cgroup/memory.events"), Path("/sys/fs/cgroup/memory/memory.oom_control"))
"""Version 2 and version 1; Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst."""


def oom_kills() -> int:
    """Return the counter `oom_kill`; 0 where the kernel has none."""
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
