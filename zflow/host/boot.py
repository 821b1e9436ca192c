"""Which start of the container this is: the kernel's boot and the start time of process 1 in this container."""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")


def boot_identity() -> str:
    """Return a text that differs after every restart of the machine or the container, and never within one."""
    kernel = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{kernel[:8]}-{start_time(1)}"


def room() -> str:
    """Return which namespaces of processes and mounts this process is in: no two containers share both at a time."""
    return "-".join(_namespace(kind) for kind in ("pid", "mnt"))


def _namespace(kind: str) -> str:
    try:
        return str((PROC / "self/ns" / kind).stat().st_ino)
    except OSError:  # a kernel that does not tell
        return "?"


def start_time(pid: int) -> int:
    """Return when a process started, in clock ticks since the kernel's boot (proc(5), field 22).

    0 when it is gone: one that has ended and only waits to be reaped holds and does nothing any more.
    """
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    fields = stat.rpartition(")")[2].split()
    return 0 if fields[0] in {"Z", "X"} else int(fields[19])
