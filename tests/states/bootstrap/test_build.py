"""Building the Ubuntu from a local archive, and what every build puts into and takes out of the tree."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from states.bootstrap import archive, build, codes
from states.bootstrap import rootfs as move
from states.bootstrap.settings import SETTINGS
from states.ubuntu import tree as rootfs
from tests.states.bootstrap.ubuntu import BIONIC, make_tree, mark, pack
from tests.support import few_inodes, make_context
from zflow.api import NO_INODES, Code, Context, OperatorError, sha256


def context(place: Path, source: Path, **more: str) -> Context:
    """Return a context over an empty volume that takes its Ubuntu from an archive."""
    named = {
        "ZFLOW_ROOTFS_ARCHIVE": str(source),
        "ZFLOW_ROOTFS_SHA256": sha256(source) if source.is_file() else "0" * 64,
    }
    return make_context(place / "volume", SETTINGS, {**named, **more})


def refused(ctx: Context) -> OperatorError:
    """Return why the build is refused; nothing counts as built after it."""
    with pytest.raises(OperatorError) as caught:
        build.apply(ctx)
    assert build.probe(ctx) is None
    return caught.value


def test_from_archive_to_volume(tmp_path: Path) -> None:
    """An archive of a complete volume becomes an Ubuntu, without journal, mounts and remains of a killed build."""
    tree = make_tree(tmp_path / "tree")
    left_out = [
        *(".zflow/journal.sqlite3", "app/tls/key", "lost+found/x", "etc/zflow-release"),
        *("proc/1/status", "dev/null", "run/x.pid", "tmp/x", "var/lib/apt/periodic/upgrade-stamp"),
    ]
    for name in left_out:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("old")
    (tree / "etc/app").write_text("kept")
    ctx = context(tmp_path, pack(tree, tmp_path / "ubuntu.tar.gz"))
    (rootfs.tree(ctx) / "half").mkdir(parents=True)
    build.apply(ctx)
    assert build.probe(ctx) is not None
    move.apply(ctx)
    assert not (ctx.volume / "half").exists()
    assert build.probe(ctx) is not None
    assert [name for name in left_out if (ctx.volume / name).exists() and name != "etc/zflow-release"] == []
    assert (ctx.volume / "etc/app").read_text() == "kept"
    found = rootfs.installed(ctx)
    assert found is not None
    assert (found.version, found.packages, found.source) == ("18.04", len(BIONIC.packages), f"{tmp_path}/ubuntu.tar.gz")
    assert "app" not in found.entries


def test_unreadable_archives(tmp_path: Path) -> None:
    """A file that is absent, no archive, or cut off is refused by its path, with what tar says of it."""
    whole = pack(make_tree(tmp_path / "tree"), tmp_path / "cut.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[:-200])
    (tmp_path / "text").write_text("hello")
    for name, words in (("absent", "does not exist"), ("text", "tar: "), ("cut.tar.gz", "unexpected end of file")):
        error = refused(context(tmp_path, tmp_path / name))
        assert error.code is codes.ARCHIVE
        assert str(tmp_path / name) in error.detail
        assert words in error.detail


def without(name: str) -> Callable[[Path], object]:
    """Return what takes a file out of a tree."""
    return lambda tree: (tree / name).unlink()


INCOMPLETE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no shell": (without("bin/bash"), "bin/bash is not a program"),
    "no release file": (without("usr/lib/os-release"), "etc/os-release does not name Ubuntu"),
    "no package list": (without("var/lib/dpkg/status"), "var/lib/dpkg/status is not a package list"),
    "another release": (lambda tree: make_tree(tree, "20.04"), "holds Ubuntu 20.04, ZFLOW_UBUNTU asks for 18.04"),
    "few packages": (
        lambda tree: make_tree(tree, packages=BIONIC.packages[2:]),
        "lacks the packages adduser, apt-tran",
    ),
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_incomplete_archives(tmp_path: Path, case: str) -> None:
    """An archive that is not the wanted complete Ubuntu is refused, and the error names what it lacks."""
    spoil, words = INCOMPLETE[case]
    ctx = context(tmp_path, tmp_path / "ubuntu.tar")
    make_tree(rootfs.tree(ctx))
    archive.examine(ctx, BIONIC)
    spoil(rootfs.tree(ctx))
    with pytest.raises(OperatorError) as caught:
        archive.examine(ctx, BIONIC)
    assert caught.value.code is codes.ARCHIVE
    assert caught.value.detail.startswith(f"{tmp_path}/ubuntu.tar")
    assert words in caught.value.detail


def test_wrong_sha256(tmp_path: Path) -> None:
    """An archive with another SHA-256 is not even unpacked; none to compare with is refused too."""
    source = pack(make_tree(tmp_path / "tree"), tmp_path / "ubuntu.tar.gz")
    ctx = context(tmp_path, source, ZFLOW_ROOTFS_SHA256="0" * 64)
    assert sha256(source) in refused(ctx).detail
    assert not rootfs.tree(ctx).exists()
    bare = make_context(tmp_path / "volume", SETTINGS, {"ZFLOW_ROOTFS_ARCHIVE": str(source)})
    assert "ZFLOW_ROOTFS_SHA256 is not" in refused(bare).detail


def test_cleanup(tmp_path: Path) -> None:
    """After a clean-up nothing is staged any more, neither tree nor mark; a second one finds nothing to do."""
    ctx = make_context(tmp_path, SETTINGS)
    make_tree(rootfs.tree(ctx))
    rootfs.staged_mark(ctx).write_text(mark().render())
    assert build.probe(ctx) is not None
    for _ in range(2):
        build.cleanup(ctx)
        assert build.probe(ctx) is None
        assert list(ctx.stage.iterdir()) == []


def test_damaged_installation(tmp_path: Path) -> None:
    """A finished installation that is damaged is never built over."""
    ctx = context(tmp_path, pack(make_tree(tmp_path / "tree"), tmp_path / "ubuntu.tar.gz"))
    (make_tree(ctx.volume) / rootfs.RELEASE).write_text(mark().render())
    (ctx.volume / "bin/bash").unlink()
    error = refused(ctx)
    assert error.code is codes.DAMAGED
    assert not rootfs.tree(ctx).exists()


@pytest.mark.parametrize(("words", "code"), [("No space left on device", codes.SPACE), ("rubbish", codes.ARCHIVE)])
def test_full_disk_is_no_bad_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, code: Code) -> None:
    """A disk that fills up during unpacking has its own error."""
    source = pack(make_tree(tmp_path / "tree"), tmp_path / "ubuntu.tar.gz")
    ctx = context(tmp_path, source)
    run = type(ctx.shell).run
    fails = ("sh", "-c", f"echo 'tar: x: Cannot write: {words}' >&2; exit 2")
    monkeypatch.setattr(type(ctx.shell), "run", lambda self, *_argv, **_options: run(self, *fails))
    with pytest.raises(OperatorError) as caught:
        archive.unpack(ctx, BIONIC)
    assert caught.value.code is code


@pytest.mark.root
def test_a_volume_that_runs_out_of_inodes_while_unpacking(tmp_path: Path) -> None:
    """There is room for bytes: it is not called full."""
    tree = make_tree(tmp_path / "tree")
    for number in range(200):
        (tree / f"etc/{number}").touch()
    with few_inodes(tmp_path / "volume", 100):
        ctx = context(tmp_path, pack(tree, tmp_path / "ubuntu.tar.gz"))
        with pytest.raises(OperatorError) as caught:
            archive.unpack(ctx, BIONIC)
    assert caught.value.code is NO_INODES


def test_finish(tmp_path: Path) -> None:
    """Packages may start nothing, options of the build are gone, sources and an own keyring are there."""
    (tmp_path / "own.gpg").write_bytes(b"key")
    environment = {"ZFLOW_KEYRING": str(tmp_path / "own.gpg"), "ZFLOW_MIRROR": "http://mirror.example.org/ubuntu"}
    ctx = make_context(tmp_path / "volume", SETTINGS, environment)
    tree = make_tree(rootfs.tree(ctx))
    (tree / "etc/apt/apt.conf.d/99mmdebstrap").write_text("unsafe")
    build.finish(ctx, BIONIC)
    build.finish(ctx, BIONIC)
    assert subprocess.run([tree / "usr/sbin/policy-rc.d"], check=False).returncode == 101
    assert not (tree / "etc/apt/apt.conf.d/99mmdebstrap").exists()
    assert (tree / "etc/apt/trusted.gpg.d/zflow-mirror.gpg").read_bytes() == b"key"
    lines = (tree / "etc/apt/sources.list").read_text().splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["deb", "http://mirror.example.org/ubuntu", f"bionic{pocket}"] for pocket in ("", "-updates", "-security")
    ]
