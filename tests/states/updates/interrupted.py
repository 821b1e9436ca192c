"""`python -m tests.states.updates.interrupted`, in namespaces of its own: a real dpkg, killed in the middle.

Prints as JSON what was seen at each point.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from typing import Any

from states.ubuntu import dpkg
from states.updates import packages
from tests.states.updates.layer import TOP, VOLUME, inside, mounted
from tests.support import make_context
from zflow.api import Context

CONTROL = "Package: slow\nVersion: {}\nArchitecture: all\nMaintainer: t <t@example.org>\nDescription: t\n"
WAIT = "#!/bin/sh\n[ -e /quick ] || { touch /begun; exec sleep 120; }\n"
"""A script that an interruption finds at work."""


def package(version: int, script: str = "") -> None:
    """Build a version of the package with a configuration file, and `script` waiting in it."""
    tree = TOP / f"slow-{version}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "etc").mkdir()
    (tree / "etc/slow.conf").write_text(f"version {version}\n")
    (tree / "DEBIAN/control").write_text(CONTROL.format(version))
    (tree / "DEBIAN/conffiles").write_text("/etc/slow.conf\n")
    if script:
        (tree / "DEBIAN" / script).write_text(WAIT)
        (tree / "DEBIAN" / script).chmod(0o755)
    (VOLUME / "repo").mkdir(exist_ok=True)
    argv = ["dpkg-deb", "-Znone", "--root-owner-group", "--build", str(tree), f"{VOLUME}/repo/slow_{version}.deb"]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def offered(version: int) -> None:
    """Let apt find that version, and nothing else, in a repository on the volume."""
    file = VOLUME / f"repo/slow_{version}.deb"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    entry = f"Filename: ./{file.name}\nSize: {file.stat().st_size}\nSHA256: {digest}\n"
    (VOLUME / "repo/Packages").write_text(CONTROL.format(version) + entry)
    for each in (VOLUME / "etc/apt/sources.list.d").iterdir():
        each.unlink()
    (VOLUME / "etc/apt/sources.list").write_text("deb [trusted=yes] file:/repo ./\n")
    inside("apt-get", "-qq", "update")


def cut_off(ctx: Context, version: int) -> dict[str, Any]:
    """Kill dpkg while a script of the package is at work; return what was seen before and after it."""
    argv = ["chroot", str(VOLUME), "dpkg", "--force-confold", "--install", f"/repo/slow_{version}.deb"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(argv, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True) as process:
        until = time.monotonic() + 60
        while not (VOLUME / "begun").exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        during = told(ctx)
        os.killpg(process.pid, signal.SIGKILL)
    (VOLUME / "begun").unlink()
    return {"during": during, "left": dpkg.unfinished(ctx), "probe": told(ctx), "check": inside("apt-get", "check")}


def told(ctx: Context) -> str | None:
    """Return the step's evidence as the journal has it."""
    evidence = packages.probe(ctx)
    return None if evidence is None else evidence.line


def main() -> None:
    """Cut off one upgrade after the other; one can be completed by dpkg alone, one by apt, one not at first."""
    mounted()
    ctx = make_context(VOLUME)
    seen: dict[str, Any] = {"before": dpkg.unfinished(ctx)}
    for version, script in ((1, ""), (2, "postinst"), (3, "preinst"), (4, "preinst")):
        package(version, script)
    inside("dpkg", "--install", "/repo/slow_1.deb")
    (VOLUME / "etc/slow.conf").write_text("the operator's\n")
    for version in (2, 3):
        offered(version)
        seen[str(version)] = cut_off(ctx, version)
        (VOLUME / "quick").touch()
        packages.apply(ctx)
        (VOLUME / "quick").unlink()
        seen[str(version)] |= {"after": told(ctx), "works": inside("apt-get", "check")}
        (VOLUME / packages.RECORD).unlink()
    seen["4"] = cut_off(ctx, 4)
    packages.apply(ctx)
    seen["4"] |= {"after": told(ctx), "audit": type(packages.audit(ctx)).__name__}
    offered(4)
    (VOLUME / "quick").touch()
    packages.apply(ctx)
    seen["4"] |= {"in the end": told(ctx), "file": (VOLUME / "etc/slow.conf").read_text()}
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
