"""The kernel's table of mounts: what is read of it, and what lies on what."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.where import ROOT
from zflow.host import mounts

TABLE = r"""22 1 0:20 / / rw,relatime shared:1 - overlay overlay ro,lowerdir=/a
23 22 0:21 / /proc rw,nosuid,nodev,noexec shared:2 master:3 - proc proc rw
24 22 8:1 /x /mnt/with\040blank\011tab\134backslash rw,noatime - ext4 /dev/sda1 rw,errors=remount-ro
25 22 8:1 / /data rw,nosuid - ext4 /dev/sda1 rw
26 22 0:30 / /data rw - tmpfs  rw,size=1k
27 26 0:31 / /data/deep ro,relatime - nfs4 server:/export rw
"""


def test_parse() -> None:
    """Points, types and options are read, whatever number of optional fields stands between."""
    found = mounts.parse(TABLE)
    assert [str(each.point) for each in found[:2]] == ["/", "/proc"]
    assert [each.kind for each in found] == ["overlay", "proc", "ext4", "ext4", "tmpfs", "nfs4"]
    assert found[1].options == {"rw", "nosuid", "nodev", "noexec"}


def test_escapes() -> None:
    """Blank, tab and backslash in a mount's path are read as themselves; an escaped backslash escapes nothing."""
    assert mounts.parse(TABLE)[2].point == Path("/mnt/with blank\ttab\\backslash")
    line = r"1 2 0:1 / /a\134040b rw - ext4 x rw"
    assert mounts.parse(line)[0].point == Path(r"/a\040b")


def test_read_only_file_system() -> None:
    """A file system that is read-only makes its mount so; its other options are not the mount's."""
    found = mounts.parse(TABLE)
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
    found = mounts.carrying(Path(path), mounts.parse(TABLE))
    assert found is not None
    assert found.kind == kind


def test_carried_by_nothing() -> None:
    """Without a mount above it a path lies on none."""
    assert mounts.carrying(Path("/x"), []) is None


def test_this_machine() -> None:
    """The real table can be read and has the root."""
    assert any(each.point == Path("/") for each in mounts.mounts())


def test_mounts_are_found_by_their_place() -> None:
    """The root's mounts include those of the kernel's file systems; an ordinary folder has none."""
    assert Path("/proc") in mounts.below(Path("/"))
    assert mounts.below(ROOT / "zflow") == []


def test_the_last_mounted_comes_off_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mounts below a folder, also two at one point, come in the order in which they can be taken off."""
    monkeypatch.setattr(mounts, "mounts", lambda: mounts.parse(TABLE))
    assert [str(each) for each in mounts.below(Path("/data"))] == ["/data/deep", "/data", "/data"]


def test_the_kind_of_file_system_under_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is that of the deepest mount above the path, seen through links; of a path on none it is empty."""
    monkeypatch.setattr(mounts, "mounts", lambda: mounts.parse(TABLE))
    (tmp_path / "link").symlink_to("/proc")
    assert [mounts.file_system(each) for each in (Path("/data/x"), tmp_path / "link")] == ["tmpfs", "proc"]
    monkeypatch.setattr(mounts, "mounts", list)
    assert mounts.file_system(Path("/x")) == ""
