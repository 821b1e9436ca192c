"""Telling and ending processes: with real ones, seen from a volume that is this machine's own root."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from states.ubuntu import processes
from states.zimbra import services
from tests.support import make_context
from zflow.api import Context, proc

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)
POLITE = "import time; print('ready', flush=True); time.sleep(60)"


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Return a context whose Ubuntu is this machine, so that every process of ours is inside."""
    return replace(make_context(tmp_path), volume=Path("/"))


@contextmanager
def started(script: str, word: str = "a word") -> Iterator[int]:
    """Run a Python script and return its process id once it is ready."""
    with subprocess.Popen([sys.executable, "-c", script, word], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process.pid
        finally:
            process.kill()


def test_inside(ctx: Context, tmp_path: Path) -> None:
    """A process is inside the tree that is its root directory and no other; what is gone is in none."""
    assert processes.inside(ctx, os.getpid())
    assert not processes.inside(make_context(tmp_path), os.getpid())
    assert not processes.inside(ctx, 1 << 29)
    with started(POLITE) as pid:
        assert pid in processes.all_inside(ctx)
        assert os.getpid() not in processes.all_inside(ctx)


def test_polite(ctx: Context) -> None:
    """A process that ends on TERM is not killed, although it stays a zombie until its parent waits for it."""
    with started(POLITE) as pid:
        assert processes.end(ctx, [pid], 20) == []
        assert not processes.inside(ctx, pid)


def test_stubborn(ctx: Context) -> None:
    """A process that ignores TERM is killed after a while, and returned."""
    with started(STUBBORN) as pid, started(POLITE) as other:
        assert processes.end(ctx, [pid, other, 1 << 29], 0.2) == [pid]


def test_about_a_process(ctx: Context) -> None:
    """Parent, user and command line are those of the process; of one that is gone nothing is known."""
    with started(POLITE) as pid:
        assert proc.parent(pid) == os.getpid()
        assert proc.user(pid) == os.geteuid()
        assert processes.command_of(pid).endswith("a word")
        assert proc.name(pid).startswith("python")
    gone = 1 << 29
    assert (proc.parent(gone), proc.user(gone)) == (0, None)
    assert (processes.command_of(gone), proc.name(gone)) == ("", "")


def test_servers_processes(ctx: Context, tmp_path: Path) -> None:
    """The server's are those inside of another user than root, and root's that name the vendor's folder."""
    with started(POLITE) as other, started(POLITE, "/opt/zimbra/conf/main.cf") as master:
        assert services._is_servers(ctx, master)
        assert services._is_servers(ctx, other) == (os.geteuid() != 0)
        assert not services._is_servers(make_context(tmp_path), master)
        assert not services._is_servers(ctx, None)


@pytest.mark.parametrize(
    ("content", "pid"),
    [("17\n", 17), ("  17 \nmore", 17), ("17 18", 17), ("", None), ("\n", None), ("pid", None), (None, None)],
)
def test_from_file(tmp_path: Path, content: str | None, pid: int | None) -> None:
    """The first number in a file is the process; other text and a missing file give none."""
    if content is not None:
        (tmp_path / "pid").write_text(content)
    assert processes.from_file(tmp_path / "pid") == pid
