"""The server's services: whether they run, and how to start and stop them.

`zmcontrol status` takes seconds. A cheap look checks the processes and ports of the running server, and the last answer
of `zmcontrol status`, which a watch leaves in a file.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from states.ubuntu import processes
from states.ubuntu.ports import PORTS, listening
from states.zimbra import codes, marks
from states.zimbra.tools import as_zimbra
from zflow.api import (
    CommandError,
    Context,
    TransientError,
    counted,
    make_folder,
    proc,
    remove_file,
    write_atomic,
)

RUN = Path("run/zflow")
"""On the volume's own tmpfs: gone with the container."""
RECORD, STATUS = RUN / "services.json", RUN / "zmcontrol.status"
PID_FILES = (
    "opt/zimbra/log/*.pid",
    "opt/zimbra/data/*/*.pid",
    "opt/zimbra/data/*/*/*.pid",
    "opt/zimbra/data/ldap/state/run/slapd.pid",
    "opt/zimbra/data/postfix/spool/pid/master.pid",
    "opt/zimbra/zmstat/pid/*.pid",
)
"""The vendor's files with process ids; the directory's is named in docs/zimbra.md §3.7."""
UNIMPORTANT = frozenset({"stats", "snmp", "logger", "spell"})
"""What zmcontrol itself does not count: docs/zimbra.md §3.5."""
STOP = 240.0
"""Seconds that `zmcontrol stop` gets."""
PATIENCE = 60.0
"""Seconds between TERM and KILL, for a database or a directory that is writing."""
UNREADABLE = "zmcontrol status"
CUT_OFF = re.compile(r"^Timeout after \d+ seconds", re.MULTILINE)
"""zmcontrol's own alarm (docs/zimbra.md §3.5): the services after it are not in the list."""
LINE = re.compile(r"^\t(\S[^\n]*?)\s{1,}(Running|Stopped)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Record:
    """A running server: the start of the container, its files with process ids, its ports."""

    boot: str
    services: tuple[str, ...]
    pid_files: Mapping[str, str]
    """The command of each file's process, to find the process when the file is lost; empty where the process ended."""
    ports: tuple[int, ...]


def parse(output: str) -> dict[str, bool]:
    """Return which services run, from the output of `zmcontrol status`; empty for an incomplete list."""
    if CUT_OFF.search(output):
        return {}
    return {name: state == "Running" for name, state in LINE.findall(output)}


def down(services: dict[str, bool]) -> list[str]:
    """Return the services that should run and do not; an empty answer counts as stopped."""
    if not services:
        return [UNREADABLE]
    return sorted(name for name, runs in services.items() if not runs and name not in UNIMPORTANT)


def status(ctx: Context) -> dict[str, bool]:
    """Ask zmcontrol which services run, and leave its answer where the probe looks."""
    output = as_zimbra(ctx, "zmcontrol", "status", ok=range(256), timeout=200).output
    make_folder(ctx.volume / RUN)
    write_atomic(ctx.volume / STATUS, output)
    return parse(output)


def stopped(ctx: Context) -> list[str]:
    """Ask zmcontrol, and return the services that should run and do not."""
    return down(status(ctx))


def living_pid_files(ctx: Context) -> list[Path]:
    """Return the files with ids of living processes of the server."""
    return [path for path in pid_files(ctx) if _is_servers(ctx, processes.from_file(path))]


def pid_files(ctx: Context) -> list[Path]:
    """Return all files with process ids on the volume."""
    volume = ctx.volume.resolve()
    found = {path for pattern in PID_FILES for path in volume.glob(pattern)}
    return sorted(path for path in found if path.parent.resolve() == path.parent)  # not through a planted link


def _is_servers(ctx: Context, pid: int | None) -> bool:
    if pid is None or not processes.inside(ctx, pid):
        return False
    # Those that start as root and stay so (postfix's master, nginx) name the vendor's folder in their command.
    return proc.user(pid) != 0 or "zimbra" in processes.command_of(pid)


def drop_stale_pid_files(ctx: Context) -> int:
    """Remove the files whose process is gone or is another program: services would not start beside them."""
    stale = [path for path in pid_files(ctx) if not _is_servers(ctx, processes.from_file(path))]
    for path in stale:
        remove_file(path)
    return len(stale)


def adopt(ctx: Context, before: Record) -> list[int]:
    """Write the lost files of processes that still live, and return the processes.

    Such a process blocks a start, and a stop does not find it. Where several have the command of one lost file, or
    where its folder is gone, they are ended.
    """
    adopted = []
    named = {processes.from_file(path) for path in living_pid_files(ctx)}
    for name, command in before.pid_files.items():
        if not command or _is_servers(ctx, _pid(ctx, name)):
            continue
        found = [pid for pid in _with(ctx, command) if pid not in named]
        if len(found) == 1 and _write_number(ctx.volume / name, found[0]):
            ctx.log(f"process {found[0]} still runs; writing its file {name} again")
            adopted += found
        elif found:
            ctx.log(f"ending {counted(len(found), 'process', 'processes')} of the lost file {name}")
            processes.end(ctx, found, PATIENCE)
    return adopted


def _write_number(path: Path, pid: int) -> bool:
    """Write a process's number with the folder's owner; return whether the folder exists."""
    try:
        folder = path.parent.lstat()
        write_atomic(path, f"{pid}\n", owner=(folder.st_uid, folder.st_gid))
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _with(ctx: Context, command: str) -> list[int]:
    return processes.found(ctx, lambda pid: processes.command_of(pid) == command and _is_servers(ctx, pid))


def record(ctx: Context) -> None:
    """Record the running server."""
    services = parse((ctx.volume / STATUS).read_text())
    found = Record(
        boot=ctx.boot,
        services=tuple(sorted(name for name, runs in services.items() if runs)),
        pid_files={
            str(path.relative_to(ctx.volume)): processes.command_of(processes.from_file(path) or 0)
            for path in living_pid_files(ctx)
        },
        ports=tuple(sorted(set(PORTS) & listening())),
    )
    marks.save(ctx.volume / RECORD, found)


def recorded(ctx: Context) -> Record | None:
    """Return the record of this start of the container, if any."""
    found = marks.load(ctx.volume / RECORD, Record)
    return found if found and found.boot == ctx.boot else None


def missing(ctx: Context, found: Record) -> list[str]:
    """Return what a recorded server has lost: processes, ports, and services by the last status."""
    gone = [f"process of {name}" for name in found.pid_files if not _is_servers(ctx, _pid(ctx, name))]
    gone += [f"port {port}" for port in sorted(set(found.ports) - listening())]
    try:
        gone += down(parse((ctx.volume / STATUS).read_text()))
    except OSError:
        gone.append(UNREADABLE)
    return gone


def _pid(ctx: Context, name: str) -> int | None:
    return processes.from_file(ctx.volume / name)


def stop(ctx: Context) -> None:
    """Run `zmcontrol stop`; the caller checks whether everything ended."""
    with contextlib.suppress(CommandError):
        as_zimbra(ctx, "zmcontrol", "stop", ok=range(256), timeout=STOP)


def start(ctx: Context) -> None:
    """Run `zmcontrol start`, which starts what does not run; the caller checks the status."""

    def on_line(line: str) -> None:
        if line.strip().startswith("Starting"):
            ctx.progress.report(note=line.strip())

    try:
        as_zimbra(ctx, "zmcontrol", "start", ok=range(256), timeout=900, daemon=True, on_line=on_line)
    except CommandError as error:
        raise TransientError(codes.SERVICES, error.detail) from error
