"""How much memory the container has: the limit of its control group, not the host's memory in /proc/meminfo."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Version 2 and version 1; Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst."""


@dataclass(frozen=True)
class Memory:
    """Bytes: what the container may use, and what the host has."""

    limit: int
    host: int


def cgroup_limits(files: tuple[Path, ...]) -> list[int]:
    """Return the limits in a control group's files; none for `max`, nor for a file of the other version."""
    return [int(text) for path in files if path.is_file() and (text := path.read_text().strip()).isdigit()]


def memory(limits: tuple[Path, ...] = LIMITS, meminfo: Path = Path("/proc/meminfo")) -> Memory:
    """Return both; a container without a limit has the host's memory."""
    match = re.search(r"^MemTotal:\s+(\d+) kB$", meminfo.read_text(), re.MULTILINE)
    host = int(match[1]) * 1024 if match else 1 << 30
    return Memory(min([host, *(each for each in cgroup_limits(limits) if each > 0)]), host)
