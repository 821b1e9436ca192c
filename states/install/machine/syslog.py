"""The system log inside the Ubuntu: Zimbra logs through it, and nothing else starts it where there is no init."""

from __future__ import annotations

import os
import re
from pathlib import Path

from states.bootstrap.rootfs import ids
from states.install import codes
from states.install.machine.processes import came, end, found, from_file, inside, name_of
from states.install.machine.replaced import replaced
from zflow.api import (
    Context,
    Evidence,
    Scope,
    Step,
    TransientError,
    holds,
    make_folder,
    opened,
    remove_file,
    write_atomic,
)

CONFIG = Path("etc/rsyslog.conf")
PID = Path("run/rsyslogd.pid")
SOCKET = Path("dev/log")
LOG = Path("var/log/zimbra.log")
KERNEL_LOG = re.compile(r'^(?=module\(load="imklog"|\$ModLoad imklog)', re.MULTILINE)
"""Reads the kernel's log, which a container may not: an error at every start and never a line."""
ROTATE = Path("usr/lib/rsyslog/rsyslog-rotate")
"""What logrotate runs when it has put a log aside."""
ROTATION = """\
#!/bin/sh
# Written by zflow, in place of rsyslog's own beside it: that asks systemd, or an init script, to reach rsyslogd.
kill -HUP "$(cat /run/rsyslogd.pid)"
"""
PATIENCE = 5.0
"""Seconds that rsyslog gets to make its socket."""


def without_kernel_log(text: str) -> str:
    """Return rsyslog's configuration with the kernel's log commented out."""
    return KERNEL_LOG.sub("# not in a container: ", text)


def running(ctx: Context) -> int | None:
    """Return the process id of rsyslog inside the Ubuntu, if it runs."""
    pid = from_file(ctx.volume / PID)
    return pid if pid is not None and inside(ctx, pid) and name_of(pid) == "rsyslogd" else None


def writer(ctx: Context) -> tuple[int, int]:
    """Return user and group that own the log files: syslog:adm, read from the Ubuntu's own tables."""
    return ids(ctx.volume, "etc/passwd").get("syslog", 0), ids(ctx.volume, "etc/group").get("adm", 0)


def can_write(ctx: Context) -> bool:
    """Tell whether rsyslog's user owns Zimbra's log.

    The zmfixperms and zmsyslogsetup of 8.8.15 know Ubuntu up to 16.04 only and give the file to user zimbra, which
    rsyslog's user then cannot write (zimbra-facts §3.7).
    """
    try:
        status = (ctx.volume / LOG).stat()
    except OSError:
        return False
    return status.st_uid == writer(ctx)[0]


def give_log(ctx: Context) -> None:
    """Make Zimbra's log, and make rsyslog's user its owner."""
    path = ctx.volume / LOG
    if path.is_symlink():
        remove_file(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with opened(path.parent) as folder:
        descriptor = os.open(path.name, flags, 0o640, dir_fd=folder)
    with os.fdopen(descriptor, "ab"):
        os.fchown(descriptor, *writer(ctx))
        os.fchmod(descriptor, 0o644)


def probe(ctx: Context) -> Evidence | None:
    """See whether rsyslog runs its present files, takes messages, not the kernel's, may write Zimbra's log, and turns
    to new files after a rotation."""
    pid = running(ctx)
    if not holds(ctx.volume / ROTATE, ROTATION):
        return None
    if pid is None or replaced(ctx, [pid]) or not (ctx.volume / SOCKET).is_socket() or not can_write(ctx):
        return None
    text = _config(ctx)
    return Evidence(f"rsyslog is process {pid}") if without_kernel_log(text) == text else None


def _config(ctx: Context) -> str:
    """Return rsyslog's configuration; what is not UTF-8 there stays byte for byte when it is written."""
    return (ctx.volume / CONFIG).read_bytes().decode(errors="surrogateescape")


def apply(ctx: Context) -> None:
    """Put the configuration and the log right and start rsyslog anew; raises TransientError(SYSLOG)."""
    text = _config(ctx)
    if (better := without_kernel_log(text)) != text:
        write_atomic(ctx.volume / CONFIG, better.encode(errors="surrogateescape"))
    give_log(ctx)
    divert_rotation(ctx)
    end(ctx, found(ctx, lambda pid: name_of(pid) == "rsyslogd"), PATIENCE)
    remove_file(ctx.volume / PID)
    ctx.shell.chroot("rsyslogd", daemon=True, timeout=30)
    if not came(ctx, lambda: running(ctx) and (ctx.volume / SOCKET).is_socket(), PATIENCE):
        raise TransientError(codes.SYSLOG, f"no rsyslogd with a socket /{SOCKET} after {PATIENCE:.0f} s")


def divert_rotation(ctx: Context) -> None:
    """Put our script in the place of the package's, which dpkg keeps beside it from then on; dpkg-divert(1)."""
    make_folder((ctx.volume / ROTATE).parent)
    ctx.shell.chroot("dpkg-divert", "--local", "--rename", "--add", f"/{ROTATE}", timeout=30)
    write_atomic(ctx.volume / ROTATE, ROTATION, mode=0o755)


STEP = Step(
    name="install.syslog",
    title="Start the system log",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=60,
)
