"""The logs of a server: what makes the mail log one, and whether a line sent to each of them arrives there.

Zimbra's scripts leave the mail log in four conditions (zm-core-utils, src/libexec/zmsyslogsetup and zmfixperms). Where
the release knows its Ubuntu all is well but for `service rsyslog restart`, by which nobody without an init reaches
rsyslogd. Where it does not (9.0.0: 20.04; all: 24.04) the log is user zimbra's, and its rotation HUPs by a file that is
not there. Where the script does not compile (8.8.15, line 190, for Perl from 5.26 on) there is no rule at all, and
`create 0644 USER GROUP` keeps logrotate from the log. And each zmfixperms may give the log to user zimbra.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from states.bootstrap.rootfs import ids
from states.install.machine import processes
from zflow.api import Context, make_folder, opened, read_bytes, remove_file, write_atomic

CONFIG = Path("etc/rsyslog.conf")
MORE = Path("etc/rsyslog.d")
"""Read by the file above, what ends with .conf, in the order of the names."""
ZIMBRA, STATISTICS = Path("var/log/zimbra.log"), Path("var/log/zimbra-stats.log")
RULES = MORE / "60-zimbra.conf"
"""The vendor's own place: a zmsyslogsetup that does its work writes it anew."""
OURS = """\
# Written by zflow, for no file here named the mail log.
local0.*\t-/var/log/zimbra.log
local1.*\t-/var/log/zimbra-stats.log
auth.*\t-/var/log/zimbra.log
mail.*\t-/var/log/zimbra.log
"""
ROTATION = Path("etc/logrotate.d/zimbra")
ROTATE = Path("usr/lib/rsyslog/rsyslog-rotate")
"""What logrotate runs when it has put a log aside; Ubuntu's own logs name it."""
HUP = """\
#!/bin/sh
# Written by zflow, in place of rsyslog's own beside it: that asks systemd, or an init script, to reach rsyslogd.
kill -HUP "$(cat /run/rsyslogd.pid)"
"""
OWNER = re.compile(r"^(/var/log/zimbra\S* *\{[^}]*?\bcreate +\d+) +\S+ +\S+$", re.MULTILINE)
REACHED = re.compile(r"^(\s*)(?:kill +-HUP .*/run/syslog|/usr/sbin/service rsyslog ).*$", re.MULTILINE)
EXPECTED = {
    "mail": (r"^mail\.\*\s+-?/var/log/zimbra\.log", ZIMBRA),
    "local0": (r"^local0\.\*\s+-?/var/log/zimbra\.log", ZIMBRA),
    "local1": (r"^local1\.\*\s+-?/var/log/zimbra-stats\.log", STATISTICS),
    "authpriv": (r"^auth,authpriv\.\*\s+-?/var/log/auth\.log", Path("var/log/auth.log")),
    "cron": (r"^\*\.\*;auth,authpriv\.none(?!.*cron)\S*\s+-?/var/log/syslog", Path("var/log/syslog")),
}
"""By the facility of a program, the rule that the vendor or Ubuntu has for it, and the file. What an operator had go
elsewhere is not looked for."""
END = 1 << 16
"""Bytes at the end of a log among which a line that was just sent is looked for."""
PATIENCE = 5.0
"""Seconds that a line gets to arrive."""


def configuration(ctx: Context) -> bytes:
    """Return all that rsyslogd reads at its start."""
    paths = [ctx.volume / CONFIG, *sorted((ctx.volume / MORE).glob("*.conf"))]
    return b"".join(_content(path) for path in paths)


def _content(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except OSError:
        return b""


def writer(ctx: Context) -> tuple[int, int]:
    """Return user and group that own the log files: syslog:adm, read from the Ubuntu's own tables."""
    return ids(ctx.volume, "etc/passwd").get("syslog", 0), ids(ctx.volume, "etc/group").get("adm", 0)


def can_write(ctx: Context) -> bool:
    """Tell whether rsyslog's user owns the server's logs."""
    try:
        return {(ctx.volume / path).lstat().st_uid for path in (ZIMBRA, STATISTICS)} == {writer(ctx)[0]}
    except OSError:
        return False


def give(ctx: Context) -> None:
    """Make the server's logs, and make rsyslog's user their owner."""
    for log in (ZIMBRA, STATISTICS):
        path = ctx.volume / log
        if path.is_symlink():
            remove_file(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with opened(path.parent) as folder:
            descriptor = os.open(path.name, flags, 0o640, dir_fd=folder)
        with os.fdopen(descriptor, "ab"):
            os.fchown(descriptor, *writer(ctx))
            os.fchmod(descriptor, 0o644)


def rotated(text: str) -> str:
    """Return the vendor's rotation with the log's writer as the owner of a new file, and a way to reach rsyslogd."""
    return REACHED.sub(rf"\1/{ROTATE} || true", OWNER.sub(r"\1 syslog adm", text))


def wanted(ctx: Context) -> Iterator[tuple[Path, bytes | None]]:
    """Return the files beside rsyslog's own with the content that they should have; None for one that should not be.

    A file of rules that somebody else wrote is left alone, empty ones excepted.
    """
    present = _content(ctx.volume / RULES)
    if present in (b"", OURS.encode()):
        yield RULES, None if _ruled_elsewhere(ctx) else OURS.encode()
    if text := _content(ctx.volume / ROTATION):
        yield ROTATION, rotated(text.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    yield ROTATE, HUP.encode()


def _ruled_elsewhere(ctx: Context) -> bool:
    rule = re.compile(EXPECTED["mail"][0].encode(), re.MULTILINE)
    paths = {ctx.volume / CONFIG, *(ctx.volume / MORE).glob("*.conf")} - {ctx.volume / RULES}
    return any(rule.search(_content(path)) for path in paths)


def unlike(ctx: Context) -> list[Path]:
    """Return the files that are not as they should be."""
    return [path for path, content in wanted(ctx) if (_content(ctx.volume / path) or None) != content]


def settle(ctx: Context) -> None:
    """Write the files, rsyslog's script by a diversion: dpkg keeps the package's beside it; dpkg-divert(1)."""
    for path, content in wanted(ctx):
        make_folder((ctx.volume / path).parent)
        if path == ROTATE:
            ctx.shell.chroot("dpkg-divert", "--local", "--rename", "--add", f"/{ROTATE}", timeout=30)
        if content is None:
            remove_file(ctx.volume / path)
        else:
            write_atomic(ctx.volume / path, content, mode=0o755 if path == ROTATE else 0o644)


def expected(ctx: Context) -> Mapping[str, Path]:
    """Return the facilities whose lines should arrive, and where."""
    text = configuration(ctx).decode(errors="replace")
    return {name: path for name, (rule, path) in EXPECTED.items() if re.search(rule, text, re.MULTILINE)}


def files(ctx: Context) -> str:
    """Return which files the logs are, and whose, a line each, as `stat -c '%i %u %n'` prints it for them."""
    paths = sorted({ctx.volume / path for path in (*expected(ctx).values(), ZIMBRA, STATISTICS)})
    return "".join(f"{found.st_ino} {found.st_uid} {path}\n" for path in paths if (found := _stat(path)))


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None


def lost(ctx: Context) -> list[Path]:
    """Send a line to each log, as programs inside do, and return the logs in which it does not arrive."""
    token, left = f"this log is written ({uuid.uuid4().hex[:12]})", dict(expected(ctx))
    for facility in left:
        ctx.shell.chroot(
            "logger", "-p", f"{facility}.info", "-t", "zflow", f"{facility}: {token}", ok=range(256), timeout=30
        )

    def all_there() -> bool:
        for facility, path in list(left.items()):
            if f"{facility}: {token}".encode() in _end(ctx.volume / path):
                del left[facility]
        return not left

    processes.came(ctx, all_there, PATIENCE)
    return sorted(set(left.values()))


def _end(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        file.seek(max(0, os.fstat(descriptor).st_size - END))
        return file.read(END)
