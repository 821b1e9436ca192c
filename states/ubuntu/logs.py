"""The logs of a server: the files that the mail log needs, and whether a line arrives in each log.

Zimbra's scripts leave the mail log in four conditions (zm-core-utils, src/libexec/zmsyslogsetup and zmfixperms). If
the release knows its Ubuntu, only `service rsyslog restart` does not reach rsyslogd, because there is no init. If it
does not (9.0.0: 20.04; all: 24.04), the log belongs to user zimbra, and its rotation sends HUP by a file that does not
exist. If the script does not compile (8.8.15, line 190, with Perl from 5.26 on), there is no rule, and `create 0644
USER GROUP` stops logrotate. And each zmfixperms may give the log to user zimbra.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from states.ubuntu import processes
from states.ubuntu.tree import ids
from zflow.api import CommandError, Context, make_folder, opened, read_bytes, remove_file, write_atomic

CONFIG = Path("etc/rsyslog.conf")
MORE = Path("etc/rsyslog.d")
READ = f"""\
cd / && for file in {CONFIG} {MORE}/*.conf; do if [ -f "$file" ]; then cat "$file"; echo; fi; done"""
"""Prints, inside the Ubuntu, what rsyslogd reads at its start: it follows links, but reads no hidden files; glob(3)."""
SUM = f"""chroot "$1" sh -c '{READ}' | sha256sum | cut -d ' ' -f 1"""
"""A shell command that prints the SHA-256 of that, in hex, for the volume `$1`."""
ZIMBRA, STATISTICS = Path("var/log/zimbra.log"), Path("var/log/zimbra-stats.log")
RULES = MORE / "60-zimbra.conf"
"""The vendor's own path: a zmsyslogsetup that works writes this file again."""
OURS = """\
# Written by zflow, for no file here named the mail log.
local0.*\t-/var/log/zimbra.log
local1.*\t-/var/log/zimbra-stats.log
auth.*\t-/var/log/zimbra.log
mail.*\t-/var/log/zimbra.log
"""
ROTATION = Path("etc/logrotate.d/zimbra")
ROTATE = Path("usr/lib/rsyslog/rsyslog-rotate")
"""logrotate runs it after it has renamed a log; the rotation of Ubuntu's own logs names it."""
HUP = """\
#!/bin/sh
# Written by zflow, in place of rsyslog's own beside it: that asks systemd, or an init script, to reach rsyslogd.
pid=$(cat /run/rsyslogd.pid) && [ "$(cat "/proc/$pid/comm")" = rsyslogd ] && kill -HUP "$pid"
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
"""By the facility of a program, the rule that the vendor or Ubuntu has for it, and the file. Lines that an operator
sends elsewhere are not looked for."""
END = 1 << 16
"""Bytes at the end of a log in which a line that was just sent is looked for."""
PATIENCE = 5.0
"""Seconds that a line gets to arrive."""


def configuration(ctx: Context) -> str:
    """Return everything that rsyslogd reads at its start."""
    return ctx.shell.chroot("sh", "-c", READ, ok=range(256), timeout=30, quiet=True).output


def digest(ctx: Context) -> str:
    """Return its SHA-256 in hex."""
    return ctx.shell.run("sh", "-c", SUM, "look", str(ctx.volume), timeout=30, quiet=True).output.strip()


def content(path: Path) -> bytes:
    """Return the content of a regular file; nothing for any other, and for a missing one."""
    try:
        return read_bytes(path)
    except OSError:
        return b""


def writer(ctx: Context) -> tuple[int, int]:
    """Return the ids of syslog and adm, to which the log files belong, from the Ubuntu's own tables."""
    return ids(ctx.volume, "etc/passwd").get("syslog", 0), ids(ctx.volume, "etc/group").get("adm", 0)


def can_write(ctx: Context) -> bool:
    """Tell whether rsyslog's user owns the server's logs; a link is the operator's decision."""
    paths = [ctx.volume / path for path in (ZIMBRA, STATISTICS) if not (ctx.volume / path).is_symlink()]
    return all((found := _stat(path)) and found.st_uid == writer(ctx)[0] for path in paths)


def give(ctx: Context) -> None:
    """Make the server's logs, and rsyslog's user their owner; an operator's link stays as it is."""
    for log in (ZIMBRA, STATISTICS):
        path = ctx.volume / log
        if path.is_symlink():
            continue
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with opened(path.parent) as folder:
            descriptor = os.open(path.name, flags, 0o640, dir_fd=folder)
        with os.fdopen(descriptor, "ab"):
            os.fchown(descriptor, *writer(ctx))
            os.fchmod(descriptor, 0o644)


def rotated(text: str) -> str:
    """Return the vendor's rotation with rsyslog's user as the owner of a new file, and with a way to reach rsyslogd."""
    return REACHED.sub(rf"\1/{ROTATE} || true", OWNER.sub(r"\1 syslog adm", text))


def wanted(ctx: Context, rules: str) -> Iterator[tuple[Path, bytes | None]]:
    """Yield the files beside rsyslog's own with the content that they should have; None for one that should not exist.

    `rules` is what `configuration` returns. RULES stays as it is if it is a link, or has content of another author.
    """
    present = content(ctx.volume / RULES)
    if present in (b"", OURS.encode()) and not (ctx.volume / RULES).is_symlink():
        elsewhere = rules.replace(OURS, "", 1 if present else 0)
        yield RULES, None if re.search(EXPECTED["mail"][0], elsewhere, re.MULTILINE) else OURS.encode()
    if text := content(ctx.volume / ROTATION):
        yield ROTATION, rotated(text.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    yield ROTATE, HUP.encode()


def unlike(ctx: Context, rules: str) -> dict[Path, bytes | None]:
    """Return the files with other content than they should have, and what they should have."""
    return {path: data for path, data in wanted(ctx, rules) if (content(ctx.volume / path) or None) != data}


def settle(ctx: Context) -> None:
    """Write the files; rsyslog's script by a diversion, so that dpkg keeps the package's beside it; dpkg-divert(1).

    If dpkg cannot do that now, an upgrade of the package will restore its script, and the next look will find it.
    """
    for path, data in unlike(ctx, configuration(ctx)).items():
        make_folder((ctx.volume / path).parent)
        if path == ROTATE:
            with contextlib.suppress(CommandError):
                ctx.shell.chroot("dpkg-divert", "--local", "--rename", "--add", f"/{ROTATE}", timeout=30)
        if data is None:
            remove_file(ctx.volume / path)
        else:
            write_atomic(ctx.volume / path, data, mode=0o755 if path == ROTATE else 0o644)


def expected(ctx: Context, rules: str) -> Mapping[str, Path]:
    """Return the facilities whose lines should arrive, each with its log."""
    ruled = {name: path for name, (rule, path) in EXPECTED.items() if re.search(rule, rules, re.MULTILINE)}
    return {name: path for name, path in ruled.items() if not (ctx.volume / path).is_symlink()}


def files(ctx: Context, rules: str) -> str:
    """Return inode, owner and path of the logs, a line each, as `stat -c '%i %u %n'` prints them."""
    paths = sorted({ctx.volume / path for path in (*expected(ctx, rules).values(), ZIMBRA, STATISTICS)})
    return "".join(f"{found.st_ino} {found.st_uid} {path}\n" for path in paths if (found := _stat(path)))


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None


def lost(ctx: Context, rules: str, token: str) -> list[Path]:
    """Send a line to each log, as programs inside do, and return the logs in which it does not arrive.

    If rsyslogd does not read, senders wait once its queue is full.
    """
    sent = expected(ctx, rules)
    with contextlib.suppress(CommandError):
        for facility in sent:
            words = ("-p", f"{facility}.info", "-t", "zflow", f"{facility}: {token}")
            ctx.shell.chroot("logger", *words, ok=range(256), timeout=PATIENCE)
        processes.came(ctx, lambda: not missing(ctx, sent, token), PATIENCE)
    return missing(ctx, sent, token)


def missing(ctx: Context, sent: Mapping[str, Path], token: str) -> list[Path]:
    """Return the logs without a line with this token; `sent` is what `expected` returns."""
    found = {path: _end(ctx.volume / path) for path in sent.values()}
    return sorted({path for name, path in sent.items() if f"{name}: {token}".encode() not in found[path]})


def _end(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        file.seek(max(0, os.fstat(descriptor).st_size - END))
        return file.read(END)
