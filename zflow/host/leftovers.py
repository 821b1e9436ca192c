"""Commands of an earlier walker. Its death does not end them, and an `apt` would run beside the next walker."""

from __future__ import annotations

import contextlib
import os
import signal

from zflow.host import proc

TAG = "ZFLOW_TAG"
"""The variable in the environment of each command that names the volume and the walker."""


def end_leftovers(current_tag: str, base: str) -> int:
    """Kill every process with the tag of an earlier walker of this volume, and its descendants; return how many.

    `base` is the prefix of the tags of all walkers of this volume. Descendants are found by their parents, because
    `su -` drops the tag.
    """
    marker, mine = f"{TAG}={base}", f"{TAG}={current_tag}"
    parents = {pid: proc.parent(pid) for pid in proc.pids() if pid != os.getpid()}
    doomed = {pid for pid in parents if any(v.startswith(marker) and v != mine for v in proc.environment(pid))}
    while more := {pid for pid, parent in parents.items() if parent in doomed} - doomed:
        doomed |= more
    for pid in doomed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(doomed)
