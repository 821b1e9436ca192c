"""What the supervisor looks at while nothing is due: files by their stat, commands by their exit code and output.

The list comes from the walker as plain JSON, so that the supervisor loads no states. The first answer after a walk is
what later answers are compared with.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LIMIT = 300.0
"""Seconds after which a watching command is ended and counts as another answer."""


@dataclass
class _Watched:
    """One watch and its first answer."""

    name: str
    paths: list[str]
    argv: list[str]
    every: float
    answer: str | None = None
    due: float = 0.0
    pid: int | None = None
    output: int | None = None
    started: float = field(default=0.0)


class Watcher:
    """Looks at everything in the list; `look` names the first thing that changed since the last walk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._watched: list[_Watched] | None = None
        self._changed: str | None = None

    def forget(self) -> None:
        """Drop all answers: a walk begins, the list may be another one after it."""
        self.close()
        self._watched = None
        self._changed = None

    def look(self) -> str | None:
        """Look at what is due; return the name of a changed watch, if any."""
        if self._watched is None:
            self._watched = self._load()
        now = time.monotonic()
        for each in self._watched:
            if each.pid is not None and now - each.started > LIMIT:
                _kill(each.pid)
            if now >= each.due and each.pid is None:
                each.due = now + each.every
                if each.argv:
                    self._begin(each)
                else:
                    self._compare(each, _signature(each.paths))
        return self._changed

    def reap(self) -> None:
        """Take in the answers of commands that have ended."""
        for each in self._watched or ():
            if each.pid is None:
                continue
            pid, status = os.waitpid(each.pid, os.WNOHANG)
            if pid:
                self._finish(each, os.waitstatus_to_exitcode(status))

    def close(self) -> None:
        """End the commands under way."""
        for each in self._watched or ():
            if each.pid is not None:
                _kill(each.pid)
                os.waitpid(each.pid, 0)
                self._finish(each, 0)

    def _load(self) -> list[_Watched]:
        try:
            listed: list[dict[str, Any]] = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return []
        return [_Watched(row["name"], list(row["paths"]), list(row["argv"]), row["every"]) for row in listed]

    def _begin(self, each: _Watched) -> None:
        each.output = os.memfd_create(each.name)
        each.started = time.monotonic()
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, each.output, 1),
            (os.POSIX_SPAWN_DUP2, each.output, 2),
        ]
        environment = {"PATH": os.defpath + ":/usr/sbin:/sbin", "LANG": "C.UTF-8"}
        every_signal = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
        try:
            each.pid = os.posix_spawnp(
                each.argv[0], each.argv, environment, file_actions=actions, setsid=True, setsigmask=(),
                setsigdef=every_signal,
            )  # fmt: skip
        except OSError as error:
            os.close(each.output)
            each.output = None
            self._compare(each, f"not started: {error}")

    def _finish(self, each: _Watched, code: int) -> None:
        assert each.output is not None
        with os.fdopen(each.output, "rb") as file:
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        each.pid = each.output = None
        self._compare(each, f"{code} {digest}")

    def _compare(self, each: _Watched, answer: str) -> None:
        if each.answer is None:
            each.answer = answer
        elif each.answer != answer:
            self._changed = each.name


def _signature(paths: list[str]) -> str:
    """Return what stat tells of each file, links followed: a replaced or rewritten file always differs."""
    parts = []
    for path in paths:
        try:
            stat = Path(path).stat()
        except OSError as error:
            parts.append(f"{error.errno}")
        else:
            parts.append(f"{stat.st_dev}.{stat.st_ino}.{stat.st_size}.{stat.st_mtime_ns}")
    return " ".join(parts)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
