"""The output of a command: where it writes, and who gets it. Lines go to sinks; first part and tail are kept."""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import tempfile
import threading
import time
from collections.abc import Callable
from typing import IO

MOMENT = 0.2
"""Seconds that one look waits for output; the limits of a command are checked between two looks."""
TAIL = 8192
"""Characters of output kept for messages."""
LONGEST_LINE = 1 << 16
"""Characters after which a line without an end is passed on as it is."""

LineSink = Callable[[str], None]


class Capture:
    """Collects the output of one command.

    Whole lines go to `sinks`. `limit` is the bytes after which the output counts as a flood and is dropped, `capture`
    the characters that are kept as `text`.
    """

    def __init__(self, *sinks: LineSink, limit: int, capture: int) -> None:
        self._sinks = sinks
        self._limit = limit
        self._capture = capture
        self._parts: list[str] = []
        self._kept = 0
        self._partial = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.count = 0
        """Bytes so far."""
        self.tail = ""
        self.last = time.monotonic()
        """When something was printed last, on the monotonic clock."""

    @property
    def flooded(self) -> bool:
        """Whether the command has printed more than its limit."""
        return self.count > self._limit

    @property
    def text(self) -> str:
        """The output up to the capture limit."""
        return "".join(self._parts)

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self.last = time.monotonic()
        self.count += len(data)
        chunk = self._decoder.decode(data)
        self.tail = (self.tail + chunk)[-TAIL:]
        if self.flooded:
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
        """Pass on a last line without an end."""
        if self._partial:
            self._emit(self._partial)
            self._partial = ""

    def _emit(self, line: str) -> None:
        for sink in self._sinks:
            sink(line)


def channel(stack: contextlib.ExitStack, *, daemon: bool) -> tuple[IO[bytes], IO[bytes]]:
    """Return the file from which output is read and the one to which the command writes.

    A pipe. For a command that leaves a service behind it is a file without a name: a service that writes into a pipe
    without a reader is killed by that.
    """
    if daemon:
        file = stack.enter_context(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - the stack closes it
        return file, stack.enter_context(os.fdopen(os.dup(file.fileno()), "ab", buffering=0))
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    source = stack.enter_context(os.fdopen(reading, "rb", buffering=0))
    return source, stack.enter_context(os.fdopen(writing, "wb", buffering=0))


def pump(source: IO[bytes], finished: threading.Event, capture: Capture) -> bool:
    """Pass on what there is to read, waiting at most a moment; return whether the command ended and all is read."""
    ended = finished.is_set()
    if not source.seekable():
        select.select([source], [], [], 0 if ended else MOMENT)
        chunk = source.read(65536)
    else:
        finished.wait(MOMENT)
        ended = finished.is_set()
        chunk = os.pread(source.fileno(), 65536, capture.count)
    if chunk:
        capture.feed(chunk)
        return False
    if not ended and chunk == b"" and not source.seekable():
        finished.wait(MOMENT)
    return ended
