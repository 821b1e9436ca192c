"""Inside a machine: a line through each log of a server, after its install, rotations and a restart.

python -m tests.chroot.logs RELEASE UBUNTU FILE [UBUNTU]
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

from rehearsal.standin import HERE
from rehearsal.standin.debs import substituted
from rehearsal.standin.release import Release
from states.bootstrap import mounts
from states.install import limits
from states.install import syslog as syslog_step
from states.product import PRODUCT
from states.ubuntu import cron, dpkg, logs, periodic, processes
from states.updates import configured, driver
from states.zimbra import syslog
from states.zimbra.tools import LOOKING, as_zimbra
from tests.support import make_context
from zflow.api import Context, Evidence, holds

LINES = {
    "mail": "zimbra.log",
    "local0": "zimbra.log",
    "local1": "zimbra-stats.log",
    "authpriv": "auth.log",
    "cron": "syslog",
}
"""By the facility that a program logs with, the file in which the vendor and Ubuntu would have its line."""
MAIL = Path("run/mail")
RULES, LINK = Path("srv/zflow-test/rules"), Path("etc/rsyslog.d/10-operator.conf")
PATIENCE = 5.0
STEPS = (configured.STEP, driver.STEP, limits.STEP, syslog_step.STEP)
CORE = HERE / "packages/zimbra-core/root/opt/zimbra"
ROTATION, FIXPERMS, SETUP = "conf/zmlogrotate", "libexec/zmfixperms", "libexec/zmsyslogsetup"
numbers = count()


def put_vendors(ctx: Context, release: Release) -> None:
    """Put the stand-in's scripts of a release into the Ubuntu, and the user that they know."""
    ctx.shell.chroot("useradd", "--create-home", "--home-dir", "/opt/zimbra", "--user-group", "zimbra")
    for name in (ROTATION, FIXPERMS, SETUP):
        place = ctx.volume / "opt/zimbra" / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(substituted((CORE / name).read_text(), release))
        place.chmod(0o755)
    tag = ctx.volume / "opt/zimbra/libexec/get_plat_tag.sh"
    tag.write_text(f"#!/bin/sh\necho {release.platform}\n")
    tag.chmod(0o755)


def run(ctx: Context, *argv: str) -> None:
    """Run a command inside; what it returns says nothing."""
    ctx.shell.chroot(*argv, ok=range(256), daemon=True)


def at_rest(ctx: Context) -> list[str]:
    """Do what a walk does: have each step bring about what its look does not find; return the steps that acted."""
    acted = []
    for step in STEPS:
        if not isinstance(step.probe(ctx), Evidence):
            step.apply(ctx)
            acted.append(step.name)
    for step in STEPS:
        assert isinstance(step.probe(ctx), Evidence), step.name
        assert isinstance(step.look(deep=True)(ctx), Evidence), step.name
    return acted


def lost(ctx: Context) -> list[str]:
    """Log a line as each facility, and return those whose line is not in the last of its files once, and alone."""
    token = f"line-{next(numbers)}-of-the-test."
    for facility in LINES:
        ctx.shell.chroot("logger", "-p", f"{facility}.info", "-t", "test", f"{facility} {token}")
    until = time.monotonic() + PATIENCE
    while (left := [each for each in LINES if not has(ctx, each, token)]) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def has(ctx: Context, facility: str, token: str) -> bool:
    """Tell whether the file of a facility has its line, once."""
    path = ctx.volume / "var/log" / LINES[facility]
    return path.exists() and path.read_text(errors="replace").count(f"{facility} {token}") == 1


def put_mailing_job(ctx: Context) -> None:
    """Have a job of Ubuntu's own table print something at cron's next start, and a sendmail that keeps what it gets."""
    with (ctx.volume / configured.CRONTAB).open("a") as table:
        table.write("@reboot root echo something\n")
    (ctx.volume / configured.SENDMAIL).unlink()
    (ctx.volume / configured.SENDMAIL).write_text(f"#!/bin/sh\ncat > /{MAIL}.new && mv /{MAIL}.new /{MAIL}\n")
    (ctx.volume / configured.SENDMAIL).chmod(0o755)


def looked(ctx: Context) -> tuple[list[str], list[str]]:
    """Return what a look sees as user zimbra, and of auth.log the lines of that look and the complaints of a `su`."""
    (ctx.volume / "opt/zimbra/.bash_profile").write_text("export FROM_THE_PROFILE=read\n")
    log = ctx.volume / "var/log/auth.log"
    before = len(log.read_text())
    script = f"""{LOOKING} 'cd && id -un && id -Gn && pwd && echo "$FROM_THE_PROFILE $HOME $USER"'"""
    found = ctx.shell.run("bash", "-c", script, "look", str(ctx.volume))
    ctx.shell.chroot("logger", "-p", "authpriv.info", "-t", "test", "the look has ended")
    as_zimbra(ctx, "true")
    assert processes.came(ctx, lambda: "session closed" in log.read_text()[before:], PATIENCE)
    of_the_look, _, of_the_su = log.read_text()[before:].partition("the look has ended")
    complaints = [line for line in of_the_su.splitlines() if "locale" in line]
    return found.lines, [*of_the_look.splitlines()[:-1], *complaints]


def put_rules(ctx: Context, text: str) -> None:
    """Give the operator rules of their own, in a file that is reached by a link which leads nowhere from outside."""
    (ctx.volume / RULES).parent.mkdir(exist_ok=True)
    (ctx.volume / RULES).write_text(text)
    if not (ctx.volume / LINK).is_symlink():
        (ctx.volume / LINK).symlink_to(f"/{RULES}")


def stop_reading(ctx: Context) -> None:
    """Have rsyslogd read nothing more, as one that waits for a full disk or a far server, and fill its queue."""
    pid = syslog.running(ctx)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(BlockingIOError):
        sender.setblocking(False)
        sender.connect(str(ctx.volume / syslog.SOCKET))
        while True:
            sender.send(b"<14>test: fills the queue")


def watch_notices(ctx: Context) -> bool:
    """Tell whether the supervisor's look would start a walk."""
    (watch,) = syslog.watches(ctx)
    return ctx.shell.run(*watch.argv, ok=range(256)).output != watch.wanted


def main(version: str, ubuntu: str, place: str, kept_away_on: str = "") -> int:
    """Go through a server's life and write down which lines were lost, and which steps acted, at each point of it.

    On one Ubuntu an operator's rule keeps lines away in the end.
    """
    ctx = make_context(Path(os.environ["ZFLOW_VOLUME"]), PRODUCT.settings, os.environ)
    seen: dict[str, Any] = {"rotations": []}
    mounts.apply(ctx)
    (ctx.volume / dpkg.NO_DAEMONS).write_text(dpkg.POLICY)
    (ctx.volume / dpkg.NO_DAEMONS).chmod(0o755)
    (ctx.volume / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    put_vendors(ctx, Release(version, ubuntu))
    at_rest(ctx)
    run(ctx, "cp", f"/opt/zimbra/{ROTATION}", "/etc/logrotate.d/zimbra")
    run(ctx, f"/opt/zimbra/{FIXPERMS}")
    run(ctx, f"/opt/zimbra/{SETUP}")
    at_rest(ctx)
    seen["the install"] = lost(ctx)
    for _ in range(2):
        run(ctx, "logrotate", "--force", "/etc/logrotate.conf")
        seen["rotations"] += lost(ctx)
    seen["noticed"] = [watch_notices(ctx)]
    seen["acted after a rotation"] = at_rest(ctx)
    seen["acted at rest"] = at_rest(ctx)
    seen["noticed"] += [watch_notices(ctx)]
    run(ctx, f"/opt/zimbra/{FIXPERMS}")
    at_rest(ctx)
    run(ctx, "logrotate", "--force", "/etc/logrotate.conf")
    seen["zmfixperms and a rotation"] = lost(ctx)
    at_rest(ctx)
    (ctx.volume / "etc/rsyslog.d/.10-operator.conf").write_text("hidden from rsyslogd\n")
    seen["noticed"] += [watch_notices(ctx)]
    seen["acted after hidden files"] = at_rest(ctx)
    put_rules(ctx, "# none\n")
    at_rest(ctx)
    put_rules(ctx, logs.OURS if holds(ctx.volume / logs.RULES, logs.OURS) else "user.* stop\n")
    seen["noticed"] += [watch_notices(ctx)]
    seen["acted after a change of the configuration"] = at_rest(ctx)
    seen["the operator's rules"] = lost(ctx)
    put_mailing_job(ctx)
    processes.end(ctx, processes.all_inside(ctx), 10)
    for each in (syslog.PID, syslog.RECORD, cron.PID_FILE, cron.REBOOTED, periodic.TRACE):
        (ctx.volume / each).unlink(missing_ok=True)
    at_rest(ctx)
    seen["a restart"] = lost(ctx)
    seen["looked"] = looked(ctx)
    assert processes.came(ctx, (ctx.volume / MAIL).exists, PATIENCE)
    seen["cron's mail"] = re.findall(r"^To: (\S+)", (ctx.volume / MAIL).read_text(), re.MULTILINE)
    seen["told of cron"] = list(periodic.idle(ctx))
    if ubuntu == kept_away_on:  # on one, for it waits for lines that will not come
        stop_reading(ctx)
        syslog.settle(ctx)
        seen["one that did not read"] = lost(ctx)
        put_rules(ctx, "mail.* stop\n")
        at_rest(ctx)
        seen["told of the logs"] = getattr(syslog_step.probe(ctx), "notices", None)
    processes.end(ctx, processes.all_inside(ctx), 10)
    Path(place).write_text(json.dumps(seen))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
