"""The command `zflow`: what a person or a probe waits for runs without click, the rest through the command line."""

from __future__ import annotations

import os
import sys

from zflow.commands.light import endpoint, health, run, show_status
from zflow.exits import BROKEN_PIPE, INTERRUPTED
from zflow.terminal.signs import prepare


def main() -> None:
    """Run the command line and exit with its code; Ctrl-C and a closed pipe cause no traceback."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller, as by `>&-`
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 - open until the end
    prepare(sys.stdout, sys.stderr)
    os.umask(0o022)  # the umask of the container's engine or of a shell may hide files from apt's user
    try:
        code = dispatch(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads what is still buffered; the interpreter would report that at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = BROKEN_PIPE
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def dispatch(arguments: list[str]) -> int:
    """Call the plain forms of status, health, version, run and its children directly; all others through click."""
    match arguments:
        case ["status", *options] if {"--json", "--steps", "--no-color"}.issuperset(options):
            colour = False if "--no-color" in options else None
            return show_status(as_json="--json" in options, steps="--steps" in options, colour=colour)
        case ["health"]:
            return health()
        case ["health", "startup" | "live" | "ready" as question]:
            return health(question)
        case ["endpoint"]:
            return endpoint()
        case ["version"] | ["--version"]:
            from zflow import __version__

            print(f"zflow {__version__}")
            return 0
        case ["run"]:
            return run()
        case ["admit"]:
            from zflow.commands.inner import admit

            return admit()
        case ["walk"] | ["walk", "--reason", _] | ["walk", "--reason", _, "--deep"]:
            from zflow.commands.inner import walk

            return walk(*arguments[2:3], deep="--deep" in arguments[3:])
        case ["shut-down"]:
            from zflow.commands.inner import shut_down

            return shut_down()
        case _:
            from zflow.commands.group import main as command_line

            return command_line(arguments)
