"""Everything external runs through here: `sh` commands in an environment built from nothing, bounded and logged.

Each command gets a session of its own, no standard input, its output line by line to the step's log, a time limit, a
limit on silence and one on volume. When the container is told to stop, the whole process group is ended: TERM, then
KILL after a grace period. Every command carries `ZFLOW_TAG`, so that a walker can end what a killed one left behind.
"""

from __future__ import annotations

import codecs
import contextlib
import math
import os
import select
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import sh

from zflow import codes
from zflow.errors import Code, CommandError, Interrupted
from zflow.host.leftovers import TAG
from zflow.host.oom import oom_kills

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
GRACE = 10.0
"""Seconds between TERM and KILL."""
MOMENT = 0.2
"""Seconds between two looks at a command's limits."""
TAIL = 8192
"""Characters of output kept for the result's tail and for messages."""
LONGEST_LINE = 1 << 16
"""Characters after which a line that has no end is passed on as it is."""

LineSink = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """A command that ended: its exit code and all of its output (standard error included) up to the capture limit."""

    code: int
    output: str

    @property
    def lines(self) -> list[str]:
        """The output's lines without line ends."""
        return self.output.splitlines()


class _Shared:
    """What the shells of one process have in common: the commands at work, and the word to stop."""

    def __init__(self) -> None:
        self.running: set[int] = set()
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.killed = oom_kills()

    def ran_out_of_memory(self) -> bool:
        """Tell whether the kernel has ended a process of this container for want of memory since it was last asked."""
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
        inner = argv if user is None else ("su", "-", user, "-c", " ".join(_quote(word) for word in argv))
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
        result. `quiet` keeps the output out of the log (for answers that hold keys, or are kept elsewhere). `daemon` is
        for commands that leave a service behind, which must outlive the walker. Raises CommandError for an exit code
        that is not `ok` and for a crossed limit, Interrupted when the container is told to stop.
        """
        if self._shared.stopping.is_set():
            raise Interrupted
        watch = _Output(self._log if not quiet else _drop, on_line or _drop, limit, capture)
        self._log(f"$ {' '.join(argv)}")
        environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        environment |= {**({} if daemon else {TAG: self._tag}), **(env or {})}
        finished = threading.Event()
        with contextlib.ExitStack() as stack:
            source, sink = _channel(stack, daemon=daemon)
            nothing = stack.enter_context(Path(os.devnull).open("rb"))
            try:
                process = sh.Command(argv[0], search_paths=PATH.split(":"))(
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
            threading.Thread(target=_await_end, args=(process, finished), daemon=True).start()
            with self._shared.lock:
                self._shared.running.add(process.pid)
            try:
                limits = _Limits(min(self._deadline, time.monotonic() + (timeout or math.inf)), silence)
                code, crossed = self._follow(process, source, finished, watch, limits)
            except BaseException:
                _signal_group(process.pid, signal.SIGKILL)
                finished.wait(GRACE)
                raise
            finally:
                with self._shared.lock:
                    self._shared.running.discard(process.pid)
        watch.close()
        if self._shared.stopping.is_set():
            raise Interrupted
        if crossed is not None:
            raise CommandError(crossed, argv, code, watch.tail)
        if code not in ok:
            memory = self._shared.ran_out_of_memory()
            raise CommandError(codes.OUT_OF_MEMORY if memory else codes.COMMAND, argv, code, watch.tail)
        return Result(code, watch.text)

    def _follow(
        self, process: sh.RunningCommand, source: IO[bytes], finished: threading.Event, watch: _Output, limits: _Limits
    ) -> tuple[int, Code | None]:
        crossed: Code | None = None
        killed_at = 0.0
        while not _pump(source, finished, watch):
            if crossed is not None:
                if time.monotonic() > killed_at + GRACE:
                    _signal_group(process.pid, signal.SIGKILL)
                continue
            crossed = codes.COMMAND if self._shared.stopping.is_set() else limits.crossed(watch)
            if crossed is not None:
                killed_at = time.monotonic()
                _signal_group(process.pid, signal.SIGTERM)
        code = process.process.exit_code or 0
        if crossed is not None:
            _signal_group(process.pid, signal.SIGKILL)
        return code, crossed or (codes.OUTPUT_FLOOD if watch.flooded else None)

    def stop(self) -> None:
        """End every running command and refuse new ones; safe to call from a signal handler."""
        self._shared.stopping.set()
        for pid in list(self._shared.running):
            _signal_group(pid, signal.SIGTERM)


@dataclass(frozen=True)
class _Limits:
    """When a command has gone too far; `deadline` is on the monotonic clock, `silence` in seconds."""

    deadline: float
    silence: float | None

    def crossed(self, watch: _Output) -> Code | None:
        now = time.monotonic()
        if watch.flooded:
            return codes.OUTPUT_FLOOD
        if now > self.deadline:
            return codes.TIME_LIMIT
        if self.silence is not None and now - watch.last > self.silence:
            return codes.SILENCE
        return None


class _Output:
    """Collects a command's output: whole lines to the sinks, the last part of it for messages, all of it counted."""

    def __init__(self, log: LineSink, on_line: LineSink, limit: int, capture: int) -> None:
        self._log = log
        self._on_line = on_line
        self._limit = limit
        self._capture = capture
        self._parts: list[str] = []
        self._kept = 0
        self._partial = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.count = 0
        self.tail = ""
        self.last = time.monotonic()
        self.flooded = False

    def feed(self, data: bytes) -> None:
        self.last = time.monotonic()
        self.count += len(data)
        chunk = self._decoder.decode(data)
        self.tail = (self.tail + chunk)[-TAIL:]
        if self.count > self._limit:
            self.flooded = True
            return
        if self._kept < self._capture:
            self._parts.append(chunk)
            self._kept += len(chunk)
        *lines, self._partial = (self._partial + chunk).replace("\r\n", "\n").split("\n")
        if len(self._partial) > LONGEST_LINE:
            lines.append(self._partial)
            self._partial = ""
        for line in lines:
            self._emit(line)

    def close(self) -> None:
        if self._partial:
            self._emit(self._partial)
            self._partial = ""

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def _emit(self, line: str) -> None:
        self._log(line)
        self._on_line(line)


def _channel(stack: contextlib.ExitStack, *, daemon: bool) -> tuple[IO[bytes], IO[bytes]]:
    """Return where output is read and where the command writes it.

    A pipe; for a command that leaves a service behind a file without a name, because a service that writes into a
    pipe nobody reads any more is killed by it.
    """
    if daemon:
        file = stack.enter_context(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - the stack closes it
        return file, stack.enter_context(os.fdopen(os.dup(file.fileno()), "ab", buffering=0))
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    source = stack.enter_context(os.fdopen(reading, "rb", buffering=0))
    return source, stack.enter_context(os.fdopen(writing, "wb", buffering=0))


def _pump(source: IO[bytes], finished: threading.Event, watch: _Output) -> bool:
    """Pass on what there is to read, waiting at most a moment; return whether the command ended and all is read."""
    ended = finished.is_set()
    if not source.seekable():
        select.select([source], [], [], 0 if ended else MOMENT)
        chunk = source.read(65536)
    else:
        finished.wait(MOMENT)
        ended = finished.is_set()
        chunk = os.pread(source.fileno(), 65536, watch.count)
    if chunk:
        watch.feed(chunk)
        return False
    if not ended and chunk == b"" and not source.seekable():
        finished.wait(MOMENT)
    return ended


def _await_end(process: sh.RunningCommand, finished: threading.Event) -> None:
    """Say when a command has ended; the library's own callback looks but once a second."""
    with contextlib.suppress(sh.ErrorReturnCode):
        process.wait()
    finished.set()


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _quote(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _drop(_line: str) -> None:
    pass
