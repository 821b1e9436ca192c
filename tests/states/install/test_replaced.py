"""Processes whose program an update has replaced: real ones, over a real rename."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from states.install.machine.replaced import CHANGED, replaced
from tests.support import make_context
from zflow.api import Context

ROOT = Path(__file__).parents[3]
NOBODY = 65534
LOOK = """\
import sys
from pathlib import Path
from states.install.machine.replaced import replaced
from tests.support import make_context
print(replaced(make_context(Path(sys.argv[1])), [int(sys.argv[2])]))
"""


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Return a context over a volume with one program."""
    for folder in (Path("usr/bin"), CHANGED):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy("/bin/sleep", tmp_path / "usr/bin/sleep")
    tmp_path.chmod(0o755)
    return make_context(tmp_path)


@pytest.fixture
def process(ctx: Context) -> Iterator[subprocess.Popen[bytes]]:
    """Run the program, as user nobody where that can be."""
    user = NOBODY if os.geteuid() == 0 else None
    for folder in ctx.volume.parents[:2] if user else ():
        folder.chmod(0o755)
    with subprocess.Popen([ctx.volume / "usr/bin/sleep", "60"], user=user) as running:
        until = time.monotonic() + 10
        while Path(f"/proc/{running.pid}/comm").read_text() != "sleep\n":
            assert time.monotonic() < until
        yield running
        running.kill()


def update(ctx: Context) -> None:
    """Replace the program as dpkg does."""
    shutil.copy(ctx.volume / "usr/bin/sleep", ctx.volume / "usr/bin/sleep.dpkg-new")
    (ctx.volume / "usr/bin/sleep.dpkg-new").rename(ctx.volume / "usr/bin/sleep")
    later = time.time() + 2  # the kernel counts a process's age in hundredths of a second, from its own start
    os.utime(ctx.volume / CHANGED, (later, later))


def test_a_replaced_program_is_seen(ctx: Context, process: subprocess.Popen[bytes]) -> None:
    """What is running is all right until its file is another one; what was started after that is, again."""
    assert replaced(ctx, [process.pid]) == []
    update(ctx)
    assert replaced(ctx, [process.pid, 99999999]) == [process.pid]
    with subprocess.Popen([ctx.volume / "usr/bin/sleep", "60"]) as another:
        assert replaced(ctx, [another.pid]) == []
        another.kill()


def test_nothing_is_looked_at_without_an_update(ctx: Context, process: subprocess.Popen[bytes]) -> None:
    """Whoever was started after the last update runs its files; an Ubuntu without dpkg's folder has had none."""
    update(ctx)
    os.utime(ctx.volume / CHANGED, (0, 0))
    assert replaced(ctx, [process.pid]) == []
    (ctx.volume / CHANGED).rmdir()
    assert replaced(ctx, [process.pid]) == []


@pytest.mark.root
def test_a_root_without_the_right_to_trace(ctx: Context, process: subprocess.Popen[bytes]) -> None:
    """A container's root may not read another user's mappings, and looks as that user."""
    update(ctx)
    drop = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"]
    argv = [*drop, sys.executable, "-c", LOOK, str(ctx.volume), str(process.pid)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == f"[{process.pid}]\n", done.stderr
