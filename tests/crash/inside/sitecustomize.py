"""Loaded by every Python in a container whose PYTHONPATH has this folder: kills the walker at each point, once.

A point is a step with one of its protocol's arrows, or with the beginning or end of a command within its apply. What
was tried is on record in `/crash/tried`, one point a line, written before the kill; so each following walker comes one
point further. The product knows nothing of this, and whoever runs nothing but the product never loads it.

`/crash/share` holds a number from 0 to 1 and a seed: such a share of the points is tried. When `/crash/enough` is
there, no more are.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
from pathlib import Path

CRASH = Path("/crash")
here = threading.local()
one = threading.Lock()
"""Held for ever by the thread that dies: no other may say meanwhile that it tried a point."""


def point(step: str, where: str) -> None:
    """Die here, unless it was done before, is not in the share, or is enough."""
    name = f"{step} {where}"
    tried = CRASH / "tried"
    share, seed = (CRASH / "share").read_text().split()
    luck = int(hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
    if luck > float(share) or (CRASH / "enough").exists():
        return
    with one:
        if name in tried.read_text().splitlines():
            return
        descriptor = os.open(tried, os.O_WRONLY | os.O_APPEND)
        os.write(descriptor, f"{name}\n".encode())
        os.fsync(descriptor)
        os.kill(os.getpid(), signal.SIGKILL)


def in_walker() -> None:
    """Put the points around the commits, the syncs and the commands of the walker."""
    from zflow.host.files import sync_volume
    from zflow.host.shell import Shell
    from zflow.journal.writer import Journal
    from zflow.walk import attempt, decide

    decide.DEATHS = 10**9  # the walker dies by our hand, which is no fault of the step
    record, run = Journal.record, Shell.run

    def recorded(self, events, position=None):  # type: ignore[no-untyped-def]
        told = [(each.step, each.kind) for each in events if each.step]
        for step, kind in told:
            point(step, f"{kind}: before its commit")
        record(self, events, position)
        for step, kind in told:
            here.step, here.commands = (step, 0) if kind == "started" else (None, 0)
            point(step, f"{kind}: after its commit")

    def ran(self, *argv, **options):  # type: ignore[no-untyped-def]
        if (step := getattr(here, "step", None)) is None:
            return run(self, *argv, **options)
        here.commands += 1
        number = here.commands
        point(step, f"command {number} begins")
        result = run(self, *argv, **options)
        point(step, f"command {number} ended")
        return result

    def synced(folder):  # type: ignore[no-untyped-def]
        step = getattr(here, "step", None)
        if step is not None:
            point(step, "applied, not synced")
        sync_volume(folder)
        if step is not None:
            point(step, "synced, not proven")
            here.step = None

    for place, name, instead in ((Journal, "record", recorded), (Shell, "run", ran), (attempt, "sync_volume", synced)):
        setattr(place, name, instead)


def in_supervisor() -> None:
    """Have the supervisor start the next walker at once, as often as one dies."""
    from zflow.supervise import schedule

    schedule.DEATHS, schedule.PAUSE = 10**9, 0.0


if CRASH.is_dir():
    if "walk" in sys.orig_argv:
        in_walker()
    elif "run" in sys.orig_argv:
        in_supervisor()
