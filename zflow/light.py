"""The light road: what a person or a probe waits for, answered without click and without what is not used."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def volume() -> Path:
    """Return the volume: `/data`, or where ZFLOW_VOLUME says."""
    return Path(os.environ.get("ZFLOW_VOLUME", "/data")).absolute()


def show_status(*, as_json: bool) -> int:
    """Print the status and return its exit code."""
    from zflow import status

    document = status.gather(volume())
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(status.as_json(document, unicode=unicode) if as_json else status.as_text(document, unicode=unicode))
    return status.exit_code(document)


def health() -> int:
    """Say whether the runner is alive; installing is healthy, being blocked is too: a restart would not help."""
    from zflow.lock import RUNNER, holder

    found = holder(volume(), RUNNER)
    alive = found is not None and found.alive
    print("live" if alive else "no runner")
    return 0 if alive else 1


def run() -> int:
    """Supervise until told to stop."""
    from zflow.supervisor import run as supervise

    return supervise(volume())
