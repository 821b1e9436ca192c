"""What the kernel tells of processes: the one reader of /proc/PID, proc(5).

A process may end between two calls. Each function then returns an empty value of its type, and raises nothing.
"""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")

ZOMBIE = frozenset({"Z", "X"})
"""States of a process that has ended and waits for its parent to take its exit code."""


def pids() -> list[int]:
    """Return the numbers of all processes that this container sees."""
    return [int(each.name) for each in PROC.iterdir() if each.name.isdigit()]


def parent(pid: int) -> int:
    """Return the number of a process's parent; 0 when the process is gone."""
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def start_time(pid: int) -> int:
    """Return when a process started, in clock ticks since the kernel's boot.

    0 when it is gone: a zombie counts as gone, because it holds and does nothing any more.
    """
    fields = _stat(pid)
    return 0 if not fields or fields[0] in ZOMBIE else int(fields[19])


def is_zombie(pid: int) -> bool:
    """Tell whether a process has ended, or is gone."""
    fields = _stat(pid)
    return not fields or fields[0] in ZOMBIE


def name(pid: int) -> str:
    """Return the short name of a process, at most 15 characters."""
    return _read(pid, "comm").decode(errors="replace").strip()


def arguments(pid: int) -> list[str]:
    """Return the command line of a process, word by word; a kernel thread and a zombie have none."""
    return _words(_read(pid, "cmdline"))


def environment(pid: int) -> list[str]:
    """Return the environment that a process was started with, as `NAME=value`."""
    return _words(_read(pid, "environ"))


def user(pid: int) -> int | None:
    """Return the effective user id of a process; the owner of its folder in /proc is root after it dropped rights."""
    for line in _read(pid, "status").splitlines():
        if line.startswith(b"Uid:"):
            return int(line.split()[2])
    return None


def cgroup(pid: int | str) -> str:
    """Return the control groups of a process, or of `"self"`, as the kernel lists them."""
    return _read(pid, "cgroup").decode(errors="replace")


def namespace(pid: int | str, kind: str) -> int:
    """Return the inode of a namespace of a process, or of `"self"`; 0 when the kernel does not tell."""
    try:
        return (PROC / str(pid) / "ns" / kind).stat().st_ino
    except OSError:
        return 0


def network_table(name: str) -> str:
    """Return a table of this network namespace, such as `tcp6`; empty where the kernel has none; proc_net(5)."""
    return _read("self", f"net/{name}").decode()


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on: the name before them may hold blanks and brackets."""
    return _read(pid, "stat").decode(errors="replace").rpartition(")")[2].split()


def _words(data: bytes) -> list[str]:
    if not data:
        return []
    return [word.decode(errors="surrogateescape") for word in data.removesuffix(b"\0").split(b"\0")]


def _read(pid: int | str, file: str) -> bytes:
    try:
        return (PROC / str(pid) / file).read_bytes()
    except OSError:
        return b""
