"""`python -m tests.faults.small IMAGE MIRROR`: a real bootstrap onto a volume that is too small, in a mount namespace.

The system is Debian from the machine's own mirror, for whose signatures the machine has the keyring; the builder is the
one that builds Ubuntu. Prints as JSON how the walks ended, before and after the volume was made larger.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from states.bootstrap import build, mmdebstrap
from states.bootstrap.settings import SETTINGS
from states.ubuntu.suites import Suite
from states.ubuntu.tree import tree
from tests.engine.toy import Bench, product
from zflow.api import Context, Evidence, Step, mounts_below
from zflow.settings import load

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SMALL, LARGE = 130 << 20, 900 << 20
"""Bytes; a minimal Debian with its lists takes some 300 MB."""


class Debian(Suite):
    """A release with one package beside the essential ones."""

    @property
    def packages(self) -> tuple[str, ...]:
        """What to install."""
        return ("netbase",)


def step(environment: dict[str, str]) -> Step:
    """Return the step that builds, with the settings that the bench has none of."""

    def complete(ctx: Context) -> Evidence | None:
        done = (tree(ctx) / "complete").exists()
        return Evidence("a whole system") if done else None

    def apply(ctx: Context) -> None:
        settings = load(SETTINGS, environment, ctx.volume)
        here = Context(**{**vars(ctx), "settings": settings})
        mmdebstrap.build(here, Debian("12", "bookworm", ()))
        (tree(ctx) / "complete").touch()

    return Step("bootstrap.build", "build", complete, apply, cleanup=build.cleanup, once=True)


def main() -> None:
    """Walk, make room, walk again."""
    image, mirror = Path(sys.argv[1]), sys.argv[2]
    mmdebstrap.sources = lambda suite, mirror: [f"deb {mirror} {suite.codename} main"]
    mount = image.with_name("mount")
    mount.mkdir()
    image.touch()
    os.truncate(image, SMALL)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, mount], check=True)
    bench, what = Bench(mount), product(step({"ZFLOW_MIRROR": mirror, "ZFLOW_KEYRING": KEYRING}))
    before = bench.walk(what)
    code, detail = bench.position()["code"], bench.position()["detail"]
    left = [str(point) for point in mounts_below(mount) if point != mount]
    subprocess.run(["umount", mount], check=True)
    os.truncate(image, LARGE)
    subprocess.run(["e2fsck", "-fy", image], check=False, capture_output=True)
    subprocess.run(["resize2fs", image], check=True, capture_output=True)
    subprocess.run(["mount", "-o", "loop", image, mount], check=True)
    after = bench.walk(what)
    print(json.dumps({"before": before, "code": code, "detail": detail, "mounts": left, "after": after}))


if __name__ == "__main__":
    main()
