"""The command `zflow`: where a person or a probe waits it goes without click, the rest through the command line."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path


def main() -> None:
    """Run the command line and exit with its code. What the terminal cannot show is shown as `?`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(dispatch(sys.argv[1:]))


def volume() -> Path:
    """Return the volume: `/data`, or where ZFLOW_VOLUME says."""
    return Path(os.environ.get("ZFLOW_VOLUME", "/data")).absolute()


def dispatch(arguments: list[str]) -> int:
    """Take the light road for the plain forms of status, health, version and run; click for everything else."""
    match arguments:
        case ["status"] | ["status", "--json"]:
            return show_status(as_json=len(arguments) > 1)
        case ["health"]:
            return health()
        case ["version"] | ["--version"]:
            from zflow import __version__

            print(f"zflow {__version__}")
            return 0
        case ["run"]:
            return run()
        case _:
            from zflow.cli import main as command_line

            return command_line(arguments)


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
