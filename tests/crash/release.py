"""`python -m tests.crash.release`: unpacks a release on a real ext4 whose power is cut at each durable moment of it.

The kernel may have written back any part of what was not synced; here that is what the probe looks at. Prints, for each
moment, whether the probe then holds, and how many files are not whole. Runs in a mount namespace of its own.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from states.install import unpack as unpack_step
from states.zimbra import unpack
from tests.crash.cut import cut, device, power_up
from tests.states.install.test_unpack import FILES, context, packed
from zflow.host.files import sync_volume

PACKAGES = {f"packages/{number}.deb": f"{number:4}" * 3000 for number in range(40)}
MOMENTS = ("write_atomic", "sync_folder", "remove_tree")
"""What `unpack_step.apply` calls last: the receipt, the tree's move, the stage's end; the power is cut after each."""


def cut_after(volume: Path, times: int, real: Callable[..., None], *args: Any, **options: Any) -> None:
    """Do the real thing; cut the power when it was done so many times."""
    real(*args, **options)
    CALLS.append(real.__name__)
    if len(CALLS) == times:
        for path in volume.rglob("zcs-*/*"), volume.glob(f"{unpack.PLACE}/*"):
            write_back(path)
        cut(volume)
        os._exit(0)


CALLS: list[str] = []


def write_back(paths: Iterable[Path]) -> None:
    """Have the kernel write the content of some files to the disk, as it may at any time."""
    for path in paths:
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def trial(moment: str) -> dict[str, Any]:
    """Unpack until the power is cut at the moment; return what the next start finds."""
    with tempfile.TemporaryDirectory(prefix="zflow-release-") as folder, device(Path(folder)) as volume:
        files = FILES | PACKAGES
        ctx = context(Path(folder), packed(Path(folder), files))
        sync_volume(volume)
        times = 3 if moment == "remove_tree" else 1
        if (pid := os.fork()) == 0:
            with mock.patch.object(unpack, moment, partial(cut_after, volume, times, getattr(unpack, moment))):
                unpack_step.apply(ctx)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, f"the power was not cut after {moment}"
        power_up(volume)
        place = unpack.installer(ctx)
        broken = [name for name, text in files.items() if not _holds(place / name, text)]
        return {"moment": moment, "holds": unpack_step.probe(ctx) is not None, "broken": len(broken)}


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text() == text
    except OSError:
        return False


if __name__ == "__main__":
    print(json.dumps([trial(moment) for moment in MOMENTS]))
    sys.exit(0)
