"""Everything external runs through here: `sh` commands in an environment built from nothing, bounded and logged.

Each command has its own session, no standard input, a time limit, a limit on silence and one on output; each line goes
to the step's log. When the container has to stop, the process group gets TERM, and KILL after a grace period. Every
command carries `ZFLOW_TAG`, so that a walker can end what a killed walker left behind.
"""

from __future__ import annotations

import contextlib
import math
import shlex
import signal
import threading
import time
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from zflow import codes
from zflow.errors import CommandError, Interrupted
from zflow.host.capture import Capture, LineSink
from zflow.host.command import Limits, signal_group, started
from zflow.host.leftovers import TAG
from zflow.host.oom import oom_kills

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Result(NamedTuple):
    """A command that ended: its exit code and its output, with standard error, up to the capture limit."""

    code: int
    output: str

    @property
    def lines(self) -> list[str]:
        """The output's lines without line ends."""
        return self.output.splitlines()


class _Shared:
    """What the shells of one process have in common: the running commands, and the order to stop."""

    def __init__(self) -> None:
        self.running: set[int] = set()
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.killed = oom_kills()

    @contextlib.contextmanager
    def listing(self, pid: int) -> Iterator[None]:
        """List a command as one to be ended by `Shell.stop`."""
        with self.lock:
            self.running.add(pid)
        try:
            yield
        finally:
            with self.lock:
                self.running.discard(pid)

    def refuse(self) -> None:
        """Raise Interrupted when the container has to stop."""
        if self.stopping.is_set():
            raise Interrupted

    def ran_out_of_memory(self) -> bool:
        """Tell whether the kernel has killed a process of this container for lack of memory since the last question."""
        with self.lock:
            before, self.killed = self.killed, oom_kills()
        return self.killed > before


class Shell:
    """Runs commands on this machine (`run`) or inside the Ubuntu on the volume (`chroot`)."""

    def __init__(
        self, *, root: Path, tag: str, log: LineSink, deadline: float = math.inf, shared: _Shared | None = None
    ) -> None:
        self._root = root
        self._tag = tag
        self._log = log
        self._deadline = deadline
        self._shared = shared or _Shared()

    def for_step(self, log: LineSink, deadline: float) -> Shell:
        """Return a shell that shares this one's processes but logs elsewhere; none of its commands outlives `deadline`.

        `deadline` is on the monotonic clock.
        """
        return Shell(root=self._root, tag=self._tag, log=log, deadline=deadline, shared=self._shared)

    def chroot(self, *argv: str, user: str | None = None, **options: object) -> Result:
        """Run a command inside the Ubuntu on the volume, as root or, with a login environment, as `user`."""
        inner = argv if user is None else ("su", "-", user, "-c", shlex.join(argv))
        return self.run("chroot", str(self._root), *inner, **options)  # type: ignore[arg-type]

    def run(
        self,
        *argv: str,
        ok: Container[int] = (0,),
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str | None = None,
        timeout: float | None = None,
        silence: float | None = None,
        limit: int = 64 << 20,
        capture: int = 4 << 20,
        on_line: LineSink | None = None,
        quiet: bool = False,
        daemon: bool = False,
    ) -> Result:
        """Run a command to its end and return its result.

        `timeout` and `silence` are seconds, `limit` is the bytes it may print, `capture` the characters kept in the
        result. `quiet` keeps the output out of the log, as for answers with keys, or logged elsewhere. `daemon` is
        for a command that leaves a service behind, which outlives the walker. Raises CommandError for an exit code
        that is not `ok` and for a crossed limit, Interrupted when the container has to stop.
        """
        self._shared.refuse()
        self._log(f"$ {' '.join(argv)}")
        sinks = (*(() if quiet else (self._log,)), *(() if on_line is None else (on_line,)))
        output = Capture(*sinks, limit=limit, capture=capture)
        limits = Limits(min(self._deadline, time.monotonic() + (timeout or math.inf)), silence)
        environment = self._environment(env or {}, daemon=daemon)
        with (
            started(argv, environment, PATH, cwd, stdin, daemon=daemon) as command,
            self._shared.listing(command.pid),
        ):
            code, crossed = command.follow(output, limits, self._shared.stopping)
        output.close()
        self._shared.refuse()
        if crossed is not None:
            raise CommandError(crossed, argv, code, output.tail)
        if code not in ok:
            memory = self._shared.ran_out_of_memory()
            raise CommandError(codes.OUT_OF_MEMORY if memory else codes.COMMAND, argv, code, output.tail)
        return Result(code, output.text)

    def _environment(self, more: Mapping[str, str], *, daemon: bool) -> dict[str, str]:
        bare = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        return bare | ({} if daemon else {TAG: self._tag}) | dict(more)

    def stop(self) -> None:
        """End every running command and refuse new ones; safe to call from a signal handler."""
        self._shared.stopping.set()
        for pid in list(self._shared.running):
            signal_group(pid, signal.SIGTERM)
