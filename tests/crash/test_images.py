"""Images of whole volumes: what a clone has and lacks, and which moments are kept. The walks are `make crash`'s."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from pathlib import Path
from unittest.mock import create_autospec

import pytest

from tests.chroot.machine import memory
from tests.crash import moments
from tests.crash.disk import FORMATS, Pool
from tests.crash.moments import ELSEWHERE, Album, where
from zflow.host.files import sync_volume
from zflow.journal.reader import Row

KINDS = [
    pytest.param(kind, marks=pytest.mark.skipif(shutil.which(argv[0]) is None, reason=f"needs {argv[0]}"))
    for kind, argv in FORMATS.items()
]


@pytest.mark.root
@pytest.mark.skipif(not Path("/dev/loop-control").exists(), reason="needs loop devices")
@pytest.mark.parametrize("kind", KINDS)
def test_a_clone_has_what_was_synced_and_lacks_what_was_not(kind: str) -> None:
    """As a power cut at that moment would leave it; what is written later is in neither."""
    with memory() as held:
        pool, machine = Pool(held), held.machine("one", settings={})
        pool.make()
        pool.formatted("disk", kind)
        pool.mount("disk", machine)
        volume = machine.folder / "volume"
        for name in ("synced", "unsynced"):
            (volume / name).write_text(name * 9000)
            if name == "synced":
                with (volume / name).open("rb") as file:
                    os.fsync(file.fileno())
        pool.clone("disk", "image")
        (volume / "synced").write_text("later")
        sync_volume(volume)  # not os.sync(): a neighbour's file that is not to be synced would be
        pool.unmount("disk", machine)
        pool.mount("image", machine)
        found = {path.name: path.read_text() for path in volume.iterdir() if path.is_file()}
        pool.unmount("image", machine)
    assert found["synced"] == "synced" * 9000
    assert found.get("unsynced", "") != "unsynced" * 9000


def told(step: str, kind: str, number: int = 0) -> list[Row]:
    """Return a journal of one event."""
    return [{"step": step, "kind": kind, "hash": str(number), "at": 0.0}]


@pytest.mark.parametrize(
    ("step", "kind", "place"),
    [
        ("install.software", "started", "install.software"),
        ("install.setup", "started", "install.setup"),
        ("install.setup", "done", ELSEWHERE),
        ("bootstrap.build", "started", ELSEWHERE),
    ],
)
def test_a_moment_is_inside_an_installer_while_that_is_at_work(step: str, kind: str, place: str) -> None:
    """Not before it, and not when it has ended; what runs ahead beside it changes nothing."""
    assert where(told(step, kind)) == place
    assert where([*told(step, kind), *told("tls.dh", "done")]) == place


def test_each_moment_is_as_likely_to_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Late ones as often as early ones, without their number being known before."""
    kept, pool = Counter[str](), create_autospec(Pool)
    for seed in range(400):
        album = Album(pool, random.Random(seed), {ELSEWHERE: 2})
        for at in range(10):
            monkeypatch.setattr(moments, "told", lambda _, at=at: told("bootstrap.build", "started", at))
            album.moment(Path())
        assert len(album.kept[ELSEWHERE]) == 2
        kept.update(number for each in album.images() for number in each.hashes)
    assert all(50 <= kept[str(at)] <= 110 for at in range(10)), kept
