"""The command `zflow`: where a person or a probe waits it goes without click, the rest through the command line."""

from __future__ import annotations

import io
import sys

from zflow.light import health, run, show_status


def main() -> None:
    """Run the command line and exit with its code. What the terminal cannot show is shown as `?`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(dispatch(sys.argv[1:]))


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
