"""What the supervisor looks at between walks: files by their stat, commands by their exit code and output.

The list comes from the walker as plain JSON, so that the supervisor loads no states. Later answers are compared with
the first answer after a walk, unless that one is bad; files are compared with their state when the walk began.

Files are looked at every few seconds, and at once when inotify reports a write in their folder. It reports none
on network volumes, so the regular looks are needed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from zflow.host.children import KILLED, ended_within
from zflow.host.files import read_json

CHANGED = "changed: "
"""Prefix of the reason of a walk that a watch started."""

TYPE_CHECKING = False
if TYPE_CHECKING:  # for mypy alone: typing would cost the supervisor half a MiB
    from typing import Any

LIMIT = 300.0
"""Seconds after which a watching command is killed; that counts as a changed answer."""
LONGEST = 1 << 20
"""The most characters of a command's output that are compared."""
WRITTEN = 0x008 | 0x040 | 0x080 | 0x100 | 0x200
"""IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE (sys/inotify.h)."""


class _Watched:
    """One watch and its first answer."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.name: str = row["name"]
        self.paths: list[str] = row["paths"]
        self.argv: list[str] = row["argv"]
        self.every: float = row["every"]
        self.wanted: str = row.get("wanted", "")
        """The right output, if it is known."""
        self.answer: str | None = row.get("answer") or None
        self.good = True
        """Whether the first answer is good."""
        self.due = 0.0
        self.pid: int | None = None
        self.output: int | None = None
        self.started = 0.0


class _Folders:
    """Learns from the kernel what is written in the folders of files (inotify(7)), called in libc."""

    def __init__(self, paths: Sequence[str]) -> None:
        libc = ctypes.CDLL(None)
        self._descriptor: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        for path in paths:
            # The folder of a link and that of its target: either may be replaced. Without inotify the looks are enough.
            for folder in {os.path.dirname(path), os.path.dirname(os.path.realpath(path))}:  # noqa: PTH120
                libc.inotify_add_watch(self._descriptor, os.fsencode(folder), WRITTEN)

    def stirred(self) -> bool:
        """Tell whether something was written since the last call."""
        heard = False
        with contextlib.suppress(OSError):
            while os.read(self._descriptor, 1 << 16):
                heard = True
        return heard

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)


class Watcher:
    """Looks at everything in the list; `look` names what changed since the last walk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._watched: list[_Watched] | None = None
        self._folders: _Folders | None = None
        self._changed: str | None = None
        self._bad: dict[str, str] = {}
        self._left: list[int] = []
        self._awaiting = False

    def forget(self) -> None:
        """Drop all answers: a walk begins and may leave another list."""
        self.close()
        self._watched = None
        self._changed = None

    def look(self, *, awaiting: bool = False) -> str | None:
        """Look at each watch that is due; return the name of one that changed, if any.

        `awaiting` a next try, a command whose answer was bad from the start is not a reason to walk earlier: the failed
        walk left it so, and the operator was told the time. One whose answer was good and is bad now is a reason.
        """
        self._awaiting = awaiting
        if self._watched is None or self._folders is None:
            self._watched = self._load()
            self._folders = _Folders([path for each in self._watched for path in each.paths])
        now = time.monotonic()
        stirred = self._folders.stirred()
        for each in self._watched:
            if stirred and each.paths:
                each.due = now
            if each.pid is not None and now - each.started > LIMIT:
                _kill(each.pid)
            if now >= each.due and each.pid is None:
                each.due = now + each.every
                if each.argv:
                    self._begin(each)
                else:
                    self._compare(each, signature(each.paths), good=True)
        return self._changed

    def reap(self) -> None:
        """Take in the answers of commands that have ended, and the ends of commands that were left behind."""
        self._left = [pid for pid in self._left if os.waitpid(pid, os.WNOHANG)[0] == 0]
        for each in self._watched or ():
            if each.pid is None:
                continue
            pid, status = os.waitpid(each.pid, os.WNOHANG)
            if pid:
                self._finish(each, os.waitstatus_to_exitcode(status))

    def close(self) -> None:
        """Kill the running commands."""
        for each in self._watched or ():
            if each.pid is not None:
                _kill(each.pid)
                if not ended_within(each.pid, KILLED):
                    self._left.append(each.pid)
                self._finish(each, 0)
        if self._folders is not None:
            self._folders.close()
            self._folders = None

    def _load(self) -> list[_Watched]:
        return read_json(self._path, lambda listed: [_Watched(row) for row in listed]) or []

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
            self._compare(each, f"not started: {error}", good=False)

    def _finish(self, each: _Watched, code: int) -> None:
        assert each.output is not None
        with os.fdopen(each.output, encoding="utf-8", errors="backslashreplace") as file:
            file.seek(0)
            output = file.read(LONGEST)
        each.pid = each.output = None
        good = code == 0 and each.wanted in {"", output}
        self._compare(each, f"{code} {output}", good=good)

    def _compare(self, each: _Watched, answer: str, *, good: bool) -> None:
        """Note a change: an answer unlike the first one, or a bad first one, unless a walk for it changed nothing."""
        if each.answer is None:
            each.answer, each.good = answer, good
            if good:
                self._bad.pop(each.name, None)
            elif self._bad.get(each.name) != answer and not self._awaiting:
                self._bad[each.name] = answer
                self._changed = each.name
        elif each.answer != answer and (each.good or not self._awaiting):
            self._changed = each.name


def signature(paths: Sequence[str]) -> str:
    """Return what stat says of each file, links followed. A replaced or rewritten file always differs.

    If a single file is mounted and its source is replaced, only the count of its links changes.
    """
    parts = []
    for path in paths:
        try:
            stat = Path(path).stat()
        except OSError as error:
            parts.append(f"{error.errno}")
        else:
            gone = "" if stat.st_nlink else ".removed"
            parts.append(f"{stat.st_dev}.{stat.st_ino}.{stat.st_size}.{stat.st_mtime_ns}{gone}")
    return " ".join(parts)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
