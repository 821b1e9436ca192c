"""The kernel's table of mounts, and which of them are missing inside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from states.bootstrap import codes, mounts
from zflow.api import Mount

VOLUME = Path("/data")
ROOT = Path(__file__).parents[3]
APPLY = """\
import subprocess, sys
from pathlib import Path
from states.bootstrap import mounts
from tests.support import make_context
ctx = make_context(Path(sys.argv[1]))
mounts.FSTAB = ctx.volume / "fstab"
if sys.argv[2:]:
    mounts.apply(ctx)
subprocess.run(["mount", "--make-rshared", "/"], check=True)
subprocess.run(["mount", "--bind", "/dev", ctx.volume / "dev"], check=True)
print("no" if mounts.probe(ctx) is None else "yes")
counts = set()
for _ in range(2):
    mounts.apply(ctx)
    print("no" if mounts.probe(ctx) is None else "yes")
    counts.add(sum(ctx.volume in each.point.parents for each in mounts.mounts()))
print(len(counts))
for line in Path("/proc/self/mountinfo").read_text().splitlines():
    if line.split()[4].replace("\\\\040", " ") in {f"{ctx.volume}/{name}" for name in mounts.BOUND}:
        print(" ".join(word.partition(":")[0] for word in line.partition(" - ")[0].split()[6:]))
"""


def mount(point: str, kind: str = "none") -> Mount:
    """Return a mount at a point."""
    return Mount(Path(point), kind, frozenset())


def test_masks_are_wanted_inside() -> None:
    """Every mount inside /proc, masks included, must have its counterpart inside the volume."""
    outside = [mount("/proc"), mount("/proc/kcore"), mount("/proc/sys"), mount("/process")]
    assert mounts.missing("proc", VOLUME, outside) == {Path("/proc"), Path("/proc/kcore"), Path("/proc/sys")}
    inside = [mount("/data/proc"), mount("/data/proc/sys")]
    assert mounts.missing("proc", VOLUME, [*outside, *inside]) == {Path("/proc/kcore")}
    assert mounts.missing("proc", VOLUME, [*outside, *inside, mount("/data/proc/kcore")]) == set()


def test_missing_where_nothing_is_mounted() -> None:
    """The folder itself is wanted even when the container's own is not a mount."""
    assert mounts.missing("dev", VOLUME, []) == {Path("/dev")}


def test_run(tmp_path: Path) -> None:
    """/run must be in memory and have all its folders; a folder left on the disk is not enough."""
    for name, _ in mounts.RUN_FOLDERS:
        (tmp_path / "run" / name).mkdir(parents=True)
    table = [mount(f"{tmp_path}/run", "tmpfs")]
    assert mounts.has_run(tmp_path, table)
    assert not mounts.has_run(tmp_path, [mount(f"{tmp_path}/run", "ext4")])
    assert not mounts.has_run(tmp_path, [])
    (tmp_path / "run/resolvconf/interface").rmdir()
    assert not mounts.has_run(tmp_path, table)


@pytest.mark.root
@pytest.mark.parametrize("folder", ["data", "with a blank"])
def test_everything_is_mounted_at_once(tmp_path: Path, folder: str) -> None:
    """In a namespace of its own: what a cut-off attempt left is taken away first, a second call adds nothing, and what
    happens inside does not reach out."""
    done = applied(tmp_path / folder)
    assert (done.returncode, done.stdout.split()) == (0, ["no", "yes", "yes", "1", *["master"] * 3]), done.stderr


@pytest.mark.root
def test_a_container_that_may_not_mount_is_told_so(tmp_path: Path) -> None:
    """mount(8) continues after a refused mount; the step fails, and names the missing capability."""
    done = applied(tmp_path / "data", "at once", before=("setpriv", "--bounding-set=-sys_admin"))
    assert done.returncode == 1
    assert f"OperatorError: {codes.CAPABILITY.id}" in done.stderr


def applied(volume: Path, *words: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run `APPLY` over a volume in a namespace of its own."""
    for name in (*mounts.BOUND, "run"):
        (volume / name).mkdir(parents=True)
    argv = ["unshare", "--mount", *before, sys.executable, "-c", APPLY, str(volume), *words]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)


def test_attributes(tmp_path: Path) -> None:
    """Owner and mode are those of a real folder; a link, a file and nothing have none."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    (tmp_path / "link").symlink_to("tmp")
    assert mounts.attributes(tmp_path / "tmp") == (os.getuid(), 0o1777)
    assert mounts.attributes(tmp_path / "absent") is None
    (tmp_path / "file").write_text("")
    assert mounts.attributes(tmp_path / "file") is None


LOG_BOUND = """\
set -e
mount -t tmpfs dev "$2"
for name in null zero urandom; do cp -a "/dev/$name" "$2/"; done
touch "$2/log" "$2/../socket"
mount --bind "$2/../socket" "$2/log"
mount --move "$2" /dev
exec "$1" -c "$3" "$4"
"""


@pytest.mark.root
def test_the_hosts_system_log(tmp_path: Path) -> None:
    """A mounted /dev/log is refused by its own code, before anything is mounted inside."""
    program = (
        "import sys; from pathlib import Path; from states.bootstrap import mounts; "
        "from tests.support import make_context; ctx = make_context(Path(sys.argv[1]))\n"
        "assert mounts.probe(ctx) is None\n"
        "try:\n    mounts.apply(ctx)\nexcept mounts.OperatorError as error:\n    print(error)\n"
        "print([each for each in mounts.mounts() if ctx.volume in each.point.parents])\n"
    )
    (tmp_path / "dev").mkdir()
    (tmp_path / "volume").mkdir()
    argv = ["sh", "-c", LOG_BOUND, "sh", sys.executable, str(tmp_path / "dev"), program, str(tmp_path / "volume")]
    done = subprocess.run(["unshare", "--mount", *argv], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [f"{codes.LOG_BOUND.id} {codes.LOG_BOUND.title}: /dev/log is a mount", "[]"], (
        done.stderr
    )
