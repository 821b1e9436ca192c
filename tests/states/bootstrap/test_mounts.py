"""What the kernel's table of mounts tells, and what of it is missing inside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from states.bootstrap import mountinfo, mounts
from states.bootstrap.mountinfo import Mount

TABLE = r"""22 1 0:20 / / rw,relatime shared:1 - overlay overlay ro,lowerdir=/a
23 22 0:21 / /proc rw,nosuid,nodev,noexec shared:2 master:3 - proc proc rw
24 22 8:1 /x /mnt/with\040blank\011tab\134backslash rw,noatime - ext4 /dev/sda1 rw,errors=remount-ro
25 22 8:1 / /data rw,nosuid - ext4 /dev/sda1 rw
26 22 0:30 / /data rw - tmpfs  rw,size=1k
27 26 0:31 / /data/deep ro,relatime - nfs4 server:/export rw
"""
VOLUME = Path("/data")


def mount(point: str, kind: str = "none") -> Mount:
    """Return a mount at a point."""
    return Mount(Path(point), kind, frozenset())


def test_parse() -> None:
    """Points, types and options are read, whatever number of optional fields stands between."""
    found = mountinfo.parse(TABLE)
    assert [str(each.point) for each in found[:2]] == ["/", "/proc"]
    assert [each.kind for each in found] == ["overlay", "proc", "ext4", "ext4", "tmpfs", "nfs4"]
    assert found[1].options == {"rw", "nosuid", "nodev", "noexec"}


def test_escapes() -> None:
    """Blank, tab and backslash in a mount's path are read as themselves; an escaped backslash escapes nothing."""
    assert mountinfo.parse(TABLE)[2].point == Path("/mnt/with blank\ttab\\backslash")
    line = r"1 2 0:1 / /a\134040b rw - ext4 x rw"
    assert mountinfo.parse(line)[0].point == Path(r"/a\040b")


def test_read_only_file_system() -> None:
    """A file system that is read-only makes its mount so; its other options are not the mount's."""
    found = mountinfo.parse(TABLE)
    assert "ro" in found[0].options
    assert "ro" not in found[2].options


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/data", "tmpfs"),
        ("/data/deep", "nfs4"),
        ("/data/deep/er", "nfs4"),
        ("/data/deeper", "tmpfs"),
        ("/x", "overlay"),
    ],
)
def test_carrying(path: str, kind: str) -> None:
    """A path lies on the deepest mount above it, of two at one point on the later."""
    found = mountinfo.carrying(Path(path), mountinfo.parse(TABLE))
    assert found is not None
    assert found.kind == kind


def test_carried_by_nothing() -> None:
    """Without a mount above it a path lies on none."""
    assert mountinfo.carrying(Path("/x"), []) is None


def test_this_machine() -> None:
    """The real table can be read and has the root."""
    assert any(each.point == Path("/") for each in mountinfo.mounts())


def test_masks_are_wanted_inside() -> None:
    """Every mount below /proc, masks included, must have its counterpart inside the volume."""
    outside = [mount("/proc"), mount("/proc/kcore"), mount("/proc/sys"), mount("/process")]
    assert mounts.missing("proc", VOLUME, outside) == {Path("/proc"), Path("/proc/kcore"), Path("/proc/sys")}
    inside = [mount("/data/proc"), mount("/data/proc/sys")]
    assert mounts.missing("proc", VOLUME, [*outside, *inside]) == {Path("/proc/kcore")}
    assert mounts.missing("proc", VOLUME, [*outside, *inside, mount("/data/proc/kcore")]) == set()


def test_missing_where_nothing_is_mounted() -> None:
    """The folder itself is wanted even when the container's own is no mount."""
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


def test_attributes(tmp_path: Path) -> None:
    """Owner and mode are those of a real folder; a link, a file and nothing have none."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    (tmp_path / "link").symlink_to("tmp")
    assert mounts.attributes(tmp_path / "tmp") == (os.getuid(), 0o1777)
    assert mounts.attributes(tmp_path / "absent") is None
    (tmp_path / "file").write_text("")
    assert mounts.attributes(tmp_path / "file") is None
