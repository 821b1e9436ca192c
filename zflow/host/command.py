"""One running command: started by `sh` in its own session, followed to its end, ended with its process group."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import sh

from zflow import codes
from zflow.errors import Code, CommandError
from zflow.host.capture import Capture, channel, pump

GRACE = 10.0
"""Seconds between TERM and KILL."""


class Limits(NamedTuple):
    """When a command has gone too far; `deadline` is on the monotonic clock, `silence` in seconds."""

    deadline: float
    silence: float | None

    def crossed(self, capture: Capture) -> Code | None:
        """Return the code of the limit that the command has crossed, if any."""
        now = time.monotonic()
        if capture.flooded:
            return codes.OUTPUT_FLOOD
        if now > self.deadline:
            return codes.TIME_LIMIT
        if self.silence is not None and now - capture.last > self.silence:
            return codes.SILENCE
        return None


class Command:
    """A started command and where its output is read."""

    def __init__(self, process: sh.RunningCommand, source: IO[bytes]) -> None:
        self.pid: int = process.pid
        self._process = process
        self._source = source
        self._finished = threading.Event()
        threading.Thread(target=self._await_end, daemon=True).start()

    def _await_end(self) -> None:
        """Set the event at the command's end; the callback of `sh` comes up to a second later."""
        with contextlib.suppress(sh.ErrorReturnCode):
            self._process.wait()
        self._finished.set()

    def follow(self, capture: Capture, limits: Limits, stopping: threading.Event) -> tuple[int, Code | None]:
        """Pass on the output until the command has ended; return its exit code and the limit that it crossed, if any.

        At a crossed limit, and when `stopping` is set, the process group gets TERM, and KILL after the grace period.
        """
        crossed: Code | None = None
        killed_at = 0.0
        while not pump(self._source, self._finished, capture):
            if crossed is not None:
                if time.monotonic() > killed_at + GRACE:
                    signal_group(self.pid, signal.SIGKILL)
                continue
            crossed = codes.COMMAND if stopping.is_set() else limits.crossed(capture)
            if crossed is not None:
                killed_at = time.monotonic()
                signal_group(self.pid, signal.SIGTERM)
        if crossed is not None:
            signal_group(self.pid, signal.SIGKILL)
        return self._process.process.exit_code or 0, crossed or (codes.OUTPUT_FLOOD if capture.flooded else None)

    def kill(self) -> None:
        """Kill the process group, and give the command a moment to be gone."""
        signal_group(self.pid, signal.SIGKILL)
        self._finished.wait(GRACE)


@contextlib.contextmanager
def started(
    argv: tuple[str, ...],
    environment: dict[str, str],
    search: str,
    cwd: Path | None,
    stdin: str | None,
    *,
    daemon: bool,
) -> Iterator[Command]:
    """Start a command that is looked up on the path `search`; kill it when the block is left by an error.

    `daemon` says that it leaves a service behind. Raises CommandError when it cannot be started.
    """
    with contextlib.ExitStack() as stack:
        source, sink = channel(stack, daemon=daemon)
        nothing = stack.enter_context(Path(os.devnull).open("rb"))
        try:
            process = sh.Command(argv[0], search_paths=search.split(":"))(
                *argv[1:],
                _in=nothing if stdin is None else stdin,
                _out=sink,
                _err_to_out=True,
                _env=environment,
                _cwd=str(cwd) if cwd else None,
                _new_session=True,
                _bg=True,
                _bg_exc=False,
            )
        except (sh.CommandNotFound, sh.ForkException) as error:
            raise CommandError(codes.COMMAND, argv, 127, str(error)) from error
        sink.close()
        command = Command(process, source)
        try:
            yield command
        except BaseException:
            command.kill()
            raise


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a command and its descendants; one that is gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
