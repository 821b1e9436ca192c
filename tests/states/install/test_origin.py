"""A copied volume is told from the one installed, once, by files that lie elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from states.install import inodes, origin
from states.zimbra import rights
from tests.states.install.records import write_server
from tests.support import make_context
from zflow.api import Context, Mount


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context over a volume with an Ubuntu, on a file system that keeps inodes, wherever the tests run."""
    monkeypatch.setattr(inodes, "mounts", lambda: [Mount(Path("/"), "ext4", frozenset())])
    volume = tmp_path / "volume"
    for name in ("usr/share", "var/lib/dpkg", "opt"):
        (volume / name).mkdir(parents=True)
    return make_context(volume)


def test_a_volume_that_stays_where_it_is(ctx: Context) -> None:
    """The first look writes down where everything lies; later ones find it there and say nothing."""
    assert origin.probe(ctx) is None
    origin.apply(ctx)
    for boot in ("test-boot", "later"):
        found = origin.probe(make_context(ctx.volume, boot=boot))
        assert found is not None
        assert found.notices == ()


def test_a_copy_is_told_in_the_start_that_finds_it(ctx: Context, tmp_path: Path) -> None:
    """The start that finds the copy says so; the next one does not: a restore is no fault."""
    origin.apply(ctx)
    shutil.copytree(ctx.volume, tmp_path / "copy", symlinks=True)
    copy = make_context(tmp_path / "copy")
    assert inodes.moved(copy)
    assert not inodes.moved(ctx)
    assert origin.probe(copy) is None
    origin.apply(copy)
    found = origin.probe(copy)
    assert found is not None
    assert "stop one of the two" in found.notices[0]
    again = origin.probe(make_context(copy.volume, boot="later"))
    assert again is not None
    assert again.notices == ()


def test_a_file_system_without_steady_inodes_tells_nothing(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where inodes change with each mount no volume is called a copy for it."""
    origin.apply(ctx)
    monkeypatch.setattr(inodes, "mounts", lambda: [Mount(Path("/"), "fuse.sshfs", frozenset())])
    assert inodes.inodes(ctx) == {}
    assert not inodes.moved(ctx)


def test_a_server_of_an_earlier_zflow(ctx: Context) -> None:
    """Whose its data are, and what rights its programs have, is written down once it is known to work."""
    origin.apply(ctx)
    assert origin.probe(ctx) is not None
    write_server(ctx.volume)
    assert not rights.remembered(ctx)
    assert origin.probe(ctx) is None
    origin.apply(ctx)
    assert origin.probe(ctx) is not None
    assert rights.remembered(ctx)


@pytest.mark.parametrize("content", ["", "[]", '{"inodes": 3, "copied": ""}', '{"inodes": {}}'])
def test_a_torn_mark_is_written_anew(ctx: Context, content: str) -> None:
    """What cannot be read is no proof of a copy."""
    (ctx.home / "volume.json").write_text(content)
    assert not inodes.moved(ctx)
    origin.apply(ctx)
    found = origin.probe(ctx)
    assert found is not None
    assert found.notices == ()
