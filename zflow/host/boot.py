"""Which start of the container this is: the kernel's boot and the start time of process 1 in this container."""

from __future__ import annotations

from zflow.host.proc import PROC, namespace, start_time


def boot_identity() -> str:
    """Return a text that differs after every restart of the machine or the container, and never within one."""
    kernel = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{kernel[:8]}-{start_time(1)}"


def room() -> str:
    """Return which namespaces of processes and mounts this process is in: no two containers share both at a time."""
    return "-".join(str(namespace("self", kind) or "?") for kind in ("pid", "mnt"))
