"""Unpacking the release: what is refused, and that a refusal leaves nothing behind."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from states.install import archive
from states.install import unpack as unpack_step
from states.ubuntu.settings import PROXY, UBUNTU
from states.zimbra import codes, unpack
from states.zimbra.settings import SETTINGS
from tests.states.bootstrap.ubuntu import make_tree
from tests.states.install.records import write_server
from tests.support import few_inodes, make_context
from zflow.api import NO_INODES, CommandError, Context, OperatorError, sha256

TABLE = (UBUNTU, PROXY, *SETTINGS)
LABELS = {
    ".BUILD_PLATFORM": "UBUNTU18_64\n",
    ".BUILD_TYPE": "FOSS\n",
    ".BUILD_RELEASE_NO": "8.8.15",
    ".BUILD_NUM": "3869",
}
FILES = {
    "install.sh": "#!/bin/sh\n",
    "packages/a.deb": "a",
    "util/utilfunc.sh": "u",
    "bin/get_plat_tag.sh": "b",
    **LABELS,
}


def packed(place: Path, files: dict[str, str], top: str = "zcs-8.8.15") -> Path:
    """Pack files below one folder, then what is named with a leading slash as it stands."""
    with tarfile.open(place / "release.tgz", "w:gz", compresslevel=1) as made:
        for name, content in files.items():
            entry = tarfile.TarInfo(name.removeprefix("/") if name.startswith("/") else f"{top}/{name}")
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content.encode()))
    return place / "release.tgz"


def context(place: Path, source: Path) -> Context:
    """Return a context that wants this archive, and has checked it."""
    named = {"ZFLOW_RELEASE_URL": str(source), "ZFLOW_RELEASE_SHA256": sha256(source)}
    ctx = make_context(make_tree(place / "volume"), TABLE, named)
    archive.apply(ctx)
    return ctx


def test_unpacked(tmp_path: Path) -> None:
    """A release lies in its place whole, and is unpacked anew when another archive is wanted or it lost a part."""
    ctx = context(tmp_path, packed(tmp_path, FILES))
    assert unpack_step.probe(ctx) is None
    unpack_step.apply(ctx)
    evidence = unpack_step.probe(ctx)
    assert evidence is not None
    assert evidence.summary == "8.8.15 3869 UBUNTU18_64 FOSS in /opt/zflow-release"
    assert list(ctx.stage.iterdir()) == []
    other = context(tmp_path, packed(tmp_path, {**FILES, "more": "x"}))
    assert unpack_step.probe(other) is None
    assert unpack_step.inputs(other) != unpack_step.inputs(ctx)
    unpack_step.apply(other)
    assert unpack_step.probe(other) is not None
    (unpack.installer(other) / "install.sh").unlink()
    assert unpack_step.probe(other) is None


def test_rubbish_in_the_stage(tmp_path: Path) -> None:
    """What a killed attempt left in the stage does not get into the next one."""
    ctx = context(tmp_path, packed(tmp_path, FILES))
    (ctx.stage / "release/half").mkdir(parents=True)
    unpack_step.apply(ctx)
    assert unpack_step.probe(ctx) is not None


def test_no_way_out(tmp_path: Path) -> None:
    """A name that leads out of the archive's folder writes nothing outside the stage."""
    absolute = f"/{tmp_path}/evil-absolute"
    ctx = context(tmp_path, packed(tmp_path, {"/../../../evil": "x", f"/{absolute}": "x", **FILES}))
    with pytest.raises(OperatorError) as caught:
        unpack_step.apply(ctx)
    assert caught.value.code is codes.ARCHIVE
    outside = [each for each in tmp_path.rglob("evil*") if not each.is_relative_to(ctx.stage)]
    assert outside == []


def whole(files: dict[str, str]) -> Callable[[Path], bytes]:
    """Return what packs files."""
    return lambda place: packed(place, files).read_bytes()


REFUSALS: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "no gzip": (lambda _place: b"PK\x03\x04 a zip", "is not a gzipped tar archive"),
    "a page": (lambda _place: b"<html>not found</html>", "is not a gzipped tar archive"),
    "nothing": (lambda _place: b"", "is not a gzipped tar archive"),
    "gzip of nothing": (whole({}), "is empty"),
    "beginning only": (lambda place: whole(FILES)(place)[:40], "is not a gzipped tar archive"),
    "damaged": (lambda place: whole(FILES)(place)[:30] + b"\xff" * 60, "is not a gzipped tar archive"),
}
INCOMPLETE: dict[str, tuple[dict[str, str], str]] = {
    "another Ubuntu": (
        {**FILES, ".BUILD_PLATFORM": "UBUNTU20_64"},
        "built for UBUNTU20_64, the volume has UBUNTU18_64",
    ),
    "Network Edition": ({**FILES, ".BUILD_TYPE": "NETWORK"}, "type is NETWORK, not FOSS"),
    "no labels": ({key: value for key, value in FILES.items() if key[0] != "."}, "built for an unnamed platform"),
    "no installer": ({key: value for key, value in FILES.items() if key != "install.sh"}, "it has no install.sh"),
    "two folders": ({**FILES, "/other/x": "x"}, "2 folders at the top level instead of one"),
    "files only": ({"/install.sh": "x"}, "0 folders at the top level instead of one"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_no_archive(tmp_path: Path, case: str) -> None:
    """A file that is no archive is refused by its path, before tar is run."""
    make, words = REFUSALS[case]
    (tmp_path / "x.tgz").write_bytes(make(tmp_path))
    with pytest.raises(OperatorError) as caught:
        unpack.refuse_damage(tmp_path / "x.tgz")
    assert caught.value.code is codes.ARCHIVE
    assert f"{tmp_path}/x.tgz {words}" in caught.value.detail


@pytest.mark.parametrize("case", INCOMPLETE)
def test_no_release(tmp_path: Path, case: str) -> None:
    """An archive that is no release for this Ubuntu is refused with what is wrong, and nothing is put in place."""
    files, words = INCOMPLETE[case]
    ctx = context(tmp_path, packed(tmp_path, files))
    with pytest.raises(OperatorError) as caught:
        unpack_step.apply(ctx)
    assert caught.value.code is codes.ARCHIVE
    assert words in caught.value.detail
    assert not unpack.installer(ctx).exists()


def test_changed_since_it_was_checked(tmp_path: Path) -> None:
    """An archive that changed after its SHA-256 was found right is not unpacked."""
    source = packed(tmp_path, FILES)
    ctx = context(tmp_path, source)
    source.write_bytes(source.read_bytes() + b"x")
    with pytest.raises(OperatorError) as caught:
        unpack_step.apply(ctx)
    assert caught.value.code is codes.WRONG_SHA256


@pytest.mark.parametrize("words", ["tar: x: Cannot write: No space left on device", "tar: x: Cannot mkdir: Read-only"])
def test_tar_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """A full disk is not laid upon the archive."""
    ctx = context(tmp_path, packed(tmp_path, FILES))
    run = type(ctx.shell).run
    fails = ("sh", "-c", f"echo '{words}' >&2; exit 2")
    monkeypatch.setattr(type(ctx.shell), "run", lambda self, *_argv, **_options: run(self, *fails))
    with pytest.raises((CommandError, OperatorError)) as caught:
        unpack_step.apply(ctx)
    assert (caught.value.code is codes.ARCHIVE) == ("No space" not in words)


@pytest.mark.root
def test_a_volume_that_runs_out_of_inodes_while_unpacking(tmp_path: Path) -> None:
    """A person has to act: it is not tried again for nothing."""
    many = {f"packages/{number}.deb": "" for number in range(400)}
    with few_inodes(tmp_path / "volume", 300):
        ctx = context(tmp_path, packed(tmp_path, {**FILES, **many}))
        with pytest.raises(OperatorError) as caught:
            unpack_step.apply(ctx)
    assert caught.value.code is NO_INODES


def test_after_the_install(tmp_path: Path) -> None:
    """On a proven server the removed release is not missed."""
    ctx = context(tmp_path, packed(tmp_path, FILES))
    write_server(ctx.volume)
    assert unpack_step.probe(ctx) is not None


def test_a_removal_that_was_cut_off_leaves_nothing_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree of which only a part is left is unpacked again before anything is installed of it."""

    class Killed(BaseException):
        """The power is cut here."""

    def cut(path: Path) -> None:
        (path / "packages/a.deb").unlink()
        raise Killed

    ctx = context(tmp_path, packed(tmp_path, FILES))
    unpack_step.apply(ctx)
    with monkeypatch.context() as patched:
        patched.setattr(unpack, "remove_tree", cut)
        with pytest.raises(Killed):
            unpack.remove(ctx)
    assert unpack_step.probe(ctx) is None
    unpack_step.apply(ctx)
    assert (unpack.installer(ctx) / "packages/a.deb").exists()
