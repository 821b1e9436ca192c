"""Which start of the container this is: the kernel's boot and the start time of process 1 in this container."""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")


def boot_identity() -> str:
    """Return a text that differs after every restart of the machine or the container, and never within one."""
    kernel = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{kernel[:8]}-{start_time(1)}"


def start_time(pid: int) -> int:
    """Return when a process started, in clock ticks since the kernel's boot (proc(5), field 22); 0 when it is gone."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(stat.rpartition(")")[2].split()[19])
