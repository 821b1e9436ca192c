"""An Ubuntu whose mark was lost, zflow's folder from another server: known at the first look, and never built over."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from states.bootstrap import belonging, build, codes, volume
from states.bootstrap import rootfs as move
from states.bootstrap.settings import SETTINGS
from states.ubuntu import tree
from tests.states.bootstrap.ubuntu import BIONIC, make_tree, mark
from tests.support import make_context
from zflow.api import Context, OperatorError

MARK = mark("etc", "usr")


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Return a context over an installed server, as it is after its first start."""
    found = make_context(make_tree(tmp_path), SETTINGS)
    (tmp_path / "opt/zimbra").mkdir(parents=True)
    (tmp_path / ".zflow/journal.sqlite3").touch()
    (tmp_path / tree.RELEASE).write_text(MARK.render())
    volume.apply(found)
    assert volume.probe(found) is not None
    return found


def refusal(ctx: Context) -> OperatorError:
    with pytest.raises(OperatorError) as caught:
        volume.apply(ctx)
    assert volume.probe(ctx) is None
    return caught.value


def everything(place: Path) -> list[Path]:
    return sorted(place.rglob("*"))


@pytest.mark.parametrize("rest", [b"", b"\0" * 40, b'{"codename": "bio', None])
def test_a_lost_mark_is_put_back_from_its_copy(ctx: Context, rest: bytes | None) -> None:
    """Removed, emptied or torn: the server is known as ours, not called foreign, and its mark is what it was."""
    (ctx.volume / tree.RELEASE).unlink()
    if rest is not None:
        (ctx.volume / tree.RELEASE).write_bytes(rest)
    assert volume.probe(ctx) is None
    volume.admit(ctx.volume)
    volume.apply(ctx)
    assert tree.read_mark(ctx.volume / tree.RELEASE) == MARK
    assert volume.probe(ctx) is not None
    assert build.probe(ctx) is not None
    assert move.probe(ctx) is not None


def test_a_lost_mark_without_a_copy_is_found_again_by_the_journal(ctx: Context) -> None:
    """A volume of an earlier zflow has no copy: its journal says that it is ours, the Ubuntu the rest."""
    (ctx.volume / tree.RELEASE).unlink()
    (ctx.volume / belonging.COPY).unlink()
    volume.apply(ctx)
    found = tree.read_mark(ctx.volume / tree.RELEASE)
    assert found is not None
    assert (found.codename, found.version, found.packages) == ("bionic", "18.04", len(BIONIC.packages))
    assert found.built.startswith("before 20")
    assert volume.probe(ctx) is not None


def test_a_server_without_any_mark_is_refused_with_a_command_that_leads_out(ctx: Context) -> None:
    """Nothing is touched, no empty volume is asked for, and the command in the message works as it stands."""
    (ctx.volume / tree.RELEASE).unlink()
    (ctx.volume / ".zflow/journal.sqlite3").unlink()
    (ctx.volume / belonging.COPY).unlink()
    before = everything(ctx.volume)
    with pytest.raises(OperatorError) as caught:
        volume.admit(ctx.volume)
    assert caught.value.code is codes.MARK_LOST
    assert everything(ctx.volume) == before
    subprocess.run(["sh", "-ec", caught.value.detail.partition(": ")[2]], check=True)
    volume.admit(ctx.volume)
    volume.apply(ctx)
    assert volume.probe(ctx) is not None


def test_somebodys_ubuntu_stays_foreign(tmp_path: Path) -> None:
    """Without a sign of zflow or Zimbra it is not ours."""
    make_tree(tmp_path)
    with pytest.raises(OperatorError) as caught:
        volume.admit(tmp_path)
    assert caught.value.code is codes.FOREIGN


def test_the_folder_of_another_server(ctx: Context) -> None:
    """Journal and secrets of another installation are not worked with; with its own folder the server is as before."""
    other = mark("etc").render().replace("2026-06-01", "2026-07-02")
    (ctx.volume / belonging.COPY).write_text(other)
    error = refusal(ctx)
    assert error.code is codes.ANOTHERS
    assert "built 2026-07-02, but the volume holds an Ubuntu 18.04 built 2026-06-01" in error.detail
    (ctx.volume / belonging.COPY).write_text(MARK.render())
    assert volume.probe(ctx) is not None


def test_a_new_ubuntu_is_no_other_server(tmp_path: Path) -> None:
    """Between the move of a new Ubuntu and its copy a kill changes nothing: the copy of the former one was removed."""
    ctx = make_context(tmp_path, SETTINGS)
    (tmp_path / belonging.COPY).write_text(MARK.render())
    build.cleanup(ctx)
    make_tree(tree.tree(ctx))
    tree.staged_mark(ctx).write_text(mark("etc", "new").render())
    move.apply(ctx)
    assert tree.read_mark(tmp_path / belonging.COPY) == mark("etc", "new")
    assert volume.probe(ctx) is not None
