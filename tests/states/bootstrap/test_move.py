"""Moving the built tree onto the volume, cut off at every rename."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from states.bootstrap import codes, volume
from states.bootstrap import rootfs as move
from states.bootstrap.settings import SETTINGS
from states.ubuntu import tree as rootfs
from tests.states.bootstrap.ubuntu import make_tree, mark
from tests.support import make_context
from zflow.api import Context, OperatorError


class Crash(BaseException):
    """The power going out: nothing in the code under test may catch it."""


def staged(place: Path) -> Context:
    """Return a context whose stage holds a complete tree, over a volume with an operator's folder and file."""
    ctx = make_context(place, SETTINGS)
    tree = make_tree(rootfs.tree(ctx))
    (tree / "etc/hostname").write_text("built")
    (tree / "etc/mtab").symlink_to("/proc/mounts")
    (tree / "lib").symlink_to("usr/lib")
    (tree / "app").mkdir(mode=0o750)
    (tree / "app/readme").write_text("built")
    (place / "app/tls").mkdir(parents=True)
    (place / "app/tls/zimbra.key").write_text("the operator's")
    rootfs.staged_mark(ctx).write_text(mark(*sorted(each.name for each in tree.iterdir())).render())
    return ctx


def picture(place: Path) -> dict[str, str]:
    """Return every name inside a folder with its type."""
    return {
        str(each.relative_to(place)): f"-> {each.readlink()}"
        if each.is_symlink()
        else oct(each.stat().st_mode) + (each.read_bytes().hex() if each.is_file() else "")
        for each in place.rglob("*")
        if each.parent.name != ".zflow" or each.is_dir()
    }


def cut_at(number: int, monkeypatch: pytest.MonkeyPatch, *, before: bool) -> None:
    """Let the `number`-th rename from now on crash, just before or just after it happens."""
    counter = itertools.count(1)
    rename: Callable[[Path, Path], Path] = Path.rename

    def crashing(path: Path, target: Path) -> Path:
        this = next(counter)
        if this == number and before:
            raise Crash
        done = rename(path, target)
        if this == number:
            raise Crash
        return done

    monkeypatch.setattr(Path, "rename", crashing)


def test_undisturbed(tmp_path: Path) -> None:
    """The tree arrives complete, the operator's files stay, the stage is empty, and the mark comes last."""
    ctx = staged(tmp_path)
    move.apply(ctx)
    assert move.probe(ctx) is not None
    assert (tmp_path / "app/tls/zimbra.key").read_text() == "the operator's"
    assert (tmp_path / "app").stat().st_mode & 0o777 == 0o750
    assert list(ctx.stage.iterdir()) == []
    assert rootfs.read_mark(tmp_path / rootfs.RELEASE) is not None


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_cut_off_at_every_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool) -> None:
    """Wherever it is killed, the half-moved volume is still admitted, and going on ends like an undisturbed move."""
    undisturbed = staged(tmp_path / "undisturbed")
    move.apply(undisturbed)
    expected = picture(undisturbed.volume)
    for number in itertools.count(1):
        ctx = staged(tmp_path / str(number))
        with monkeypatch.context() as patch:
            cut_at(number, patch, before=before)
            try:
                move.apply(ctx)
            except Crash:
                pass
            else:
                break
        volume.admit(ctx.volume)
        if move.probe(ctx) is None:
            move.apply(ctx)
        assert picture(ctx.volume) == expected
    assert number > len(list(undisturbed.volume.iterdir()))


def test_killed_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A move that gets through one rename at each start still ends."""
    ctx = staged(tmp_path)
    starts = 0
    while move.probe(ctx) is None:
        starts += 1
        assert starts < 100
        with monkeypatch.context() as patch:
            cut_at(1, patch, before=False)
            with pytest.raises(Crash):
                move.apply(ctx)
    assert starts > 5


def test_nothing_is_replaced(tmp_path: Path) -> None:
    """A foreign file in the way stops the move by its own code, and stays as it was."""
    ctx = staged(tmp_path)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hostname").write_text("a stranger's")
    with pytest.raises(OperatorError) as caught:
        move.apply(ctx)
    assert caught.value.code is codes.FOREIGN
    assert "etc/hostname" in caught.value.detail
    assert (tmp_path / "etc/hostname").read_text() == "a stranger's"
    assert move.probe(ctx) is None


@pytest.mark.parametrize("kind", ["link to a folder", "dangling link", "file"])
def test_folder_against_something_else(tmp_path: Path, kind: str) -> None:
    """A folder is merged with a folder only: never through a link, never over a file."""
    ctx = staged(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    if kind == "file":
        (tmp_path / "usr").write_text("x")
    else:
        (tmp_path / "usr").symlink_to("elsewhere" if kind == "link to a folder" else "nowhere")
    with pytest.raises(OperatorError) as caught:
        move.apply(ctx)
    assert caught.value.code is codes.FOREIGN
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_damaged_installation_is_not_overwritten(tmp_path: Path) -> None:
    """If a finished installation lost a part, there is nothing to move: the step refuses it and repairs nothing."""
    ctx = staged(tmp_path)
    move.apply(ctx)
    (tmp_path / "bin/bash").unlink()
    assert move.probe(ctx) is None
    with pytest.raises(OperatorError) as caught:
        move.apply(ctx)
    assert caught.value.code is codes.DAMAGED
    assert "bin/bash" in caught.value.detail
