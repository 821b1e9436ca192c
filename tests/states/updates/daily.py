"""`python -m tests.states.updates.daily`, in namespaces of its own: apt's own daily job over sources that come and go.

Prints as JSON what was seen after each run.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import subprocess
from collections.abc import Iterator
from typing import Any

from states.server import SETTINGS as IDENTITY
from states.ubuntu import dpkg, periodic
from states.ubuntu.settings import PROXY
from states.updates import configured
from states.updates.settings import SETTINGS
from tests.states.updates.layer import VOLUME, inside, mounted
from tests.support import make_context
from zflow.api import Context

CONTROL = "Package: none\nVersion: 1\nArchitecture: all\nFilename: ./none.deb\nSize: 1\n"
GOOD, DEAD, DROPPED = "file:/repo ./", "http://127.0.0.1:9/ubuntu bionic main", "file:/repo gone main"


def run(ctx: Context, source: str, *argv: str, keep: bool = False) -> dict[str, Any]:
    """Run a program inside, with that package source and, unless `keep`, as if nothing had ever run."""
    stamps = VOLUME / periodic.STAMPS
    for each in () if keep else list(stamps.iterdir()):
        each.unlink()
    (VOLUME / "etc/apt/sources.list").write_text(f"deb [trusted=yes] {source}\n")
    done = subprocess.run(["chroot", str(VOLUME), *argv], capture_output=True, text=True, check=False)
    (stamps / "upgrade-stamp").touch()  # what unattended-upgrade, which is not here, would have done
    return {
        "code": done.returncode,
        "mail": done.stdout + done.stderr,
        "success": periodic.last_success(ctx) is not None,
        "troubles": list(periodic.troubles(ctx)),
        "again": not (VOLUME / periodic.UPDATED).exists(),
    }


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Hold dpkg's locks, as an operator's apt does."""
    with contextlib.ExitStack() as stack:
        for name in dpkg.LOCKS:
            fcntl.lockf(stack.enter_context((VOLUME / dpkg.FOLDER / name).open("w")), fcntl.LOCK_EX)
        yield


def hanging(ctx: Context, runner: str) -> dict[str, Any]:
    """Run the runner over a package whose script does not end; return what it left."""
    tree = VOLUME / "hanging"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: hanging\nVersion: 1\nArchitecture: all\nMaintainer: t\nDescription: t\n"
    )
    (tree / "DEBIAN/postinst").write_text("#!/bin/sh\n[ ! -e /hangs ] || exec sleep 60\n")
    (tree / "DEBIAN/postinst").chmod(0o755)
    inside("dpkg-deb", "-Znone", "--build", "/hanging", "/hanging.deb")
    inside("dpkg", "--unpack", "/hanging.deb")
    (VOLUME / "hangs").touch()
    (VOLUME / periodic.SCRIPT).write_text(configured.script().replace(f" {dpkg.LONGEST:.0f} ", " 1 "))
    found = run(ctx, GOOD, runner)
    return {**found, "left": dpkg.unfinished(ctx), "free": inside("flock", "-n", dpkg.LOCK, "true") == 0}


def main() -> None:
    """Run apt's job alone, and by zflow's script."""
    mounted()
    for each in (VOLUME / "etc/apt/sources.list.d").iterdir():
        each.unlink()
    (VOLUME / "etc/apt/apt.conf.d/99quick").write_text('Acquire::Retries "0";\nAPT::Periodic::AutocleanInterval "0";\n')
    (VOLUME / "repo").mkdir()
    (VOLUME / "repo/Packages").write_text(CONTROL)
    (VOLUME / periodic.STAMPS).mkdir(exist_ok=True)
    ctx = make_context(VOLUME, (*IDENTITY, PROXY, *SETTINGS), {"ZFLOW_HOSTNAME": "mail.example.org"})
    configured.apply(ctx)
    runner = f"/{periodic.SCRIPT}"
    seen = {
        "good": run(ctx, GOOD, runner),
        "by hand": run(ctx, DEAD, "/usr/lib/apt/apt.systemd.daily"),
        "dead": run(ctx, DEAD, runner),
        "dead again": run(ctx, DEAD, runner, keep=True),
        "dropped": run(ctx, DROPPED, runner, keep=True),
        "good again": run(ctx, GOOD, runner, keep=True),
    }
    with held():
        seen["held"] = run(ctx, GOOD, runner)
    run(ctx, DEAD, runner)
    with held():
        seen["held after a failure"] = run(ctx, GOOD, runner, keep=True)
    # As apt up to 2.0 does it, whose update ends with 0 when nothing could be fetched.
    (VOLUME / periodic.POLICY).write_text(configured.policy("x").replace('APT::Update::Error-Mode "any";', ""))
    seen["by hand, an older apt"] = run(ctx, DEAD, "/usr/lib/apt/apt.systemd.daily")
    seen["hanging"] = hanging(ctx, runner)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
