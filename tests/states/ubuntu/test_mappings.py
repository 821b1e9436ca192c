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

from states.ubuntu.mappings import CHANGED, replaced
from tests.support import make_context
from zflow.api import Context

ROOT = Path(__file__).parents[3]
HIDDEN = """\
mount -t proc proc /proc
mount -t tmpfs -o mode=755 volume /mnt
mkdir -p /mnt/usr/bin /mnt/var/lib/dpkg/info
cp /bin/sleep /mnt/usr/bin
setpriv --reuid=65534 --clear-groups /mnt/usr/bin/sleep 60 & pid=$!
until [ "$(cat /proc/$pid/comm)" = sleep ]; do :; done
cp /bin/sleep /mnt/usr/bin/new && mv /mnt/usr/bin/new /mnt/usr/bin/sleep
touch -d '+2 seconds' /mnt/var/lib/dpkg/info
echo $pid
drop=-sys_ptrace,-perfmon,-sys_admin  # newer kernels let those two read mappings as well
setpriv --bounding-set=$drop --inh-caps=$drop "$PYTHON" -c "$LOOK" $pid
"""
"""In namespaces of its own, on a file system that every user may enter."""
LOOK = """\
import sys
from pathlib import Path
from states.ubuntu.mappings import replaced
from tests.support import make_context
print(*replaced(make_context(Path("/mnt")), [int(sys.argv[1])]))
"""


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Return a context over a volume with one program."""
    for folder in (Path("usr/bin"), CHANGED):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy("/bin/sleep", tmp_path / "usr/bin/sleep")
    return make_context(tmp_path)


@pytest.fixture
def process(ctx: Context) -> Iterator[subprocess.Popen[bytes]]:
    """Run the program."""
    with subprocess.Popen([ctx.volume / "usr/bin/sleep", "60"]) as running:
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


def test_a_library_that_java_unpacks_is_no_update(ctx: Context) -> None:
    """A file that was mapped from a temporary folder, and removed at once, is not a package's."""
    folder = ctx.volume / "opt/zimbra/data/tmp"
    folder.mkdir(parents=True)
    shutil.copy("/bin/sleep", folder / "unpacked")
    with subprocess.Popen([folder / "unpacked", "60"]) as running:
        (folder / "unpacked").unlink()
        update(ctx)
        assert "(deleted)" in Path(f"/proc/{running.pid}/maps").read_text()
        assert replaced(ctx, [running.pid]) == []
        running.kill()


@pytest.mark.root
def test_a_root_without_the_right_to_trace() -> None:
    """A container's root may not read another user's mappings, and looks as that user."""
    argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", HIDDEN]
    environment = {"PATH": os.environ["PATH"], "PYTHON": sys.executable, "LOOK": LOOK}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    pid, seen = done.stdout.splitlines()
    assert seen == pid, done.stderr
