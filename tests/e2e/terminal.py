"""A real terminal into a container, typed at as a person would: `podman exec -it`."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import subprocess
import time
from types import TracebackType

from rehearsal.machine import Machine


class Terminal:
    """One command on a terminal of its own; it ends with the block."""

    def __init__(self, machine: Machine, *argv: str) -> None:
        self._ours, theirs = pty.openpty()
        self._command = subprocess.Popen(
            ["podman", "exec", "-it", machine.name, *argv], stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        self.shown = ""
        self._seen = 0

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._command.kill()
        self._command.wait()
        os.close(self._ours)

    def expect(self, pattern: str, patience: float = 120.0) -> None:
        """Read until a pattern shows after what was expected before."""
        deadline = time.monotonic() + patience
        while (match := re.compile(pattern).search(self.shown, self._seen)) is None:
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.shown[-2000:]!r}"
            self._read()
        self._seen = match.end()

    def type(self, text: str) -> None:
        """Type a text; `\\n` is the return key."""
        os.write(self._ours, text.encode())

    def wait(self, patience: float) -> int:
        """Read on until the command has ended; return its exit code."""
        deadline = time.monotonic() + patience
        while (code := self._command.poll()) is None:
            assert time.monotonic() < deadline, self.shown[-2000:]
            self._read()
        return code

    def _read(self) -> None:
        if select.select([self._ours], [], [], 0.2)[0]:
            with contextlib.suppress(OSError):  # the command has ended: EIO
                self.shown += os.read(self._ours, 65536).decode(errors="replace")
