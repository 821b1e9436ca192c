"""The system log inside the Ubuntu: Zimbra logs through it, and nothing else starts it where there is no init.

A running rsyslogd may lose lines: its configuration changed after its start, or its files were moved or have another
owner. So a line is sent to each log and read back after a start, a rotation or a change of an owner; not at each look,
for it stays in the log. A line that does not arrive is a notice: an operator's rules may drop it, and mail continues.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from states.ubuntu import logs
from states.ubuntu.mappings import replaced
from states.ubuntu.processes import came, end, found, from_file, inside
from states.zimbra import codes, marks
from zflow.api import (
    CommandError,
    Context,
    TransientError,
    Watch,
    make_folder,
    proc,
    remove_file,
    write_atomic,
)

PID = Path("run/rsyslogd.pid")
SOCKET = Path("dev/log")
KERNEL_LOG = re.compile(r'^(?=module\(load="imklog"|\$ModLoad imklog)', re.MULTILINE)
"""Reads the kernel's log, which a container may not: an error at every start and never a line."""
RECORD = Path("run/zflow/syslog.json")
"""On the volume's own tmpfs: gone with the container."""
PATIENCE = 5.0
"""Seconds that rsyslog gets to make its socket."""
EVERY = 60.0
"""Seconds between two looks at whether configuration and logs are still those that the last line was sent to."""
LOOK = f"""\
{logs.SUM}
shift
exec stat -c '%i %u %n' "$@"
"""


@dataclass(frozen=True)
class Record:
    """The state when a line was last sent to each log: the process, its configuration, and the files."""

    pid: int
    configuration: str
    """Its SHA-256 in hex."""
    files: str
    token: str
    """A text that only that line has."""
    lost: str
    """The logs in which it did not arrive, as the operator knows them."""


def without_kernel_log(text: str) -> str:
    """Return rsyslog's configuration with the kernel's log commented out."""
    return KERNEL_LOG.sub("# not in a container: ", text)


def running(ctx: Context) -> int | None:
    """Return the process id of rsyslog inside the Ubuntu, if it runs."""
    pid = from_file(ctx.volume / PID)
    return pid if pid is not None and inside(ctx, pid) and proc.name(pid) == "rsyslogd" else None


def recorded(ctx: Context) -> Record | None:
    """Return the state when a line was last sent, in this start of the container."""
    return marks.load(ctx.volume / RECORD, Record)


def new_token() -> str:
    """Return a line's text that no other has."""
    return f"this log is written ({uuid.uuid4().hex[:12]})"


def names(paths: Sequence[Path]) -> str:
    """Return the logs as the operator knows them."""
    return ", ".join(f"/{path}" for path in paths)


def serving(ctx: Context, before: Record | None) -> int | None:
    """Return the process id of a rsyslogd that takes messages, with its present files and configuration."""
    pid = running(ctx)
    if pid is None or before is None or (before.pid, before.configuration) != (pid, logs.digest(ctx)):
        return None
    return pid if (ctx.volume / SOCKET).is_socket() and not replaced(ctx, [pid]) else None


def config(ctx: Context) -> str:
    """Return rsyslog's configuration; bytes that are not UTF-8 survive reading and writing."""
    return logs.content(ctx.volume / logs.CONFIG).decode(errors="surrogateescape")


def settle(ctx: Context) -> None:
    """Repair configuration and logs, let rsyslogd reopen them, and send a line. Raises TransientError(SYSLOG).

    rsyslogd is restarted where its configuration changed, or where reopening is not enough.
    """
    text = config(ctx)
    if (better := without_kernel_log(text)) != text:
        write_atomic(ctx.volume / logs.CONFIG, better.encode(errors="surrogateescape"))
    logs.settle(ctx)
    logs.give(ctx)
    rules = logs.configuration(ctx)
    pid, token, lost = serving(ctx, recorded(ctx)), new_token(), []
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGHUP)
        lost = logs.lost(ctx, rules, token)
    if pid is None or lost:
        pid = start(ctx)
        lost = logs.lost(ctx, rules, token := new_token())
    make_folder((ctx.volume / RECORD).parent)
    record = Record(pid, logs.digest(ctx), logs.files(ctx, rules), token, names(lost))
    marks.save(ctx.volume / RECORD, record)


def turn(ctx: Context) -> None:
    """Apply what the vendor's scripts have changed; the step repeats what fails."""
    with contextlib.suppress(TransientError, CommandError):
        settle(ctx)


def start(ctx: Context) -> int:
    """Restart rsyslogd and return its process id. Raises TransientError(SYSLOG)."""
    end(ctx, found(ctx, lambda pid: proc.name(pid) == "rsyslogd"), PATIENCE)
    remove_file(ctx.volume / PID)
    ctx.shell.chroot("rsyslogd", daemon=True, timeout=30)
    listens = came(ctx, lambda: running(ctx) and (ctx.volume / SOCKET).is_socket(), PATIENCE)
    if not listens or (pid := running(ctx)) is None:
        raise TransientError(codes.SYSLOG, f"no rsyslogd with a socket /{SOCKET} after {PATIENCE:.0f} s")
    return pid


def watches(ctx: Context) -> Sequence[Watch]:
    """Return what to watch: the configuration and the logs of the last line."""
    before = recorded(ctx)
    if before is None:
        return ()
    paths = [line.split(" ", 2)[2] for line in before.files.splitlines()]
    argv = ("sh", "-c", LOOK, "look", str(ctx.volume), *paths)
    return (Watch("logs", argv=argv, every=EVERY, wanted=f"{before.configuration}\n{before.files}"),)
