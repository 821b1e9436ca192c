"""`python -m tests.faults.full IMAGE FAULT EVERY`: walks on a small file system, in a mount namespace of its own.

FAULT is `full-new` (a volume without a journal), `full-old` (one that was walked before) or `read-only`. Prints what
was tried, the outcomes and what was wrong with them as JSON. The mount and the loop device end with the process.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.engine.toy import Bench, effects, file_step, product
from zflow import codes
from zflow.context import Context
from zflow.errors import OperatorError
from zflow.host.files import sync_volume
from zflow.journal.connect import BALLAST
from zflow.journal.reader import reading
from zflow.journal.seal import wrong
from zflow.status.document import gather
from zflow.status.view import as_text
from zflow.step import Product
from zflow.walk.process import prepare_home

BLOCK = 4096
NAMES = ("one.a", "one.once", "two.a", "two.b")
MOST = BALLAST // BLOCK + 120
"""Blocks with which a walk needs nothing more."""


def busy(ctx: Context) -> None:
    """Write whatever a step writes beside its effect: log, progress, secrets, a download."""
    ctx.log("x" * 3000)
    ctx.progress.report(1, 2, "MB", "fetching")
    ctx.secrets.ensure("one")
    (ctx.cache / "download").write_bytes(b"x" * 3 * BLOCK)


def toy(before: Callable[[Context], None] = busy) -> Product:
    """Return the product."""
    return product(*(file_step(name, once=name.endswith("once"), before=before) for name in NAMES))


def walked(volume: Path, what: Product) -> str:
    """Walk as a process would, and say how it ended; status and history are asked too."""
    try:
        prepare_home(what, volume)
        ended = Bench(volume).walk(what)
        position = Bench(volume).position()
        ended = f"{ended} {position['code'] or ''}".strip()
    except OperatorError as error:
        ended = f"refused {error.code.id}"
    as_text(gather(volume))
    return ended


def whole(volume: Path) -> list[str]:
    """Say what is wrong with a volume after everything is well again."""
    found = []
    if (ended := walked(volume, toy())) != "serving":
        found.append(f"then it did not serve: {ended}")
    if set(effects(volume)) != set(NAMES):
        found.append(f"the effects are {effects(volume)}")
    with reading(volume) as journal:
        if damage := wrong(journal):
            found.append(damage)
    return found


def fill(mount: Path, left: int) -> None:
    """Take all blocks but so many."""
    with (mount / "filler").open("wb") as file:
        for taken in range(max(0, os.statvfs(mount).f_bavail - left), 0, -1):  # its own extents take some as well
            with suppress(OSError):
                os.posix_fallocate(file.fileno(), 0, taken * BLOCK)
                return


def full(mount: Path, every: int, *, old: bool) -> tuple[Counter[str], list[str]]:
    """Walk with each number of free blocks; then free the rest and walk on."""
    outcomes, bad = Counter[str](), []
    for left in range(0, MOST, every):
        volume = mount / "volume"
        volume.mkdir()
        if old:
            walked(volume, product(file_step(NAMES[0])))
        fill(mount, left)
        try:
            ended = walked(volume, toy())
        except Exception as error:  # noqa: BLE001 - a traceback is what must not be
            ended = f"{type(error).__name__}: {error}"
        outcomes[ended] += 1
        if ended not in {"serving", f"blocked {codes.DISK_FULL.id}", f"refused {codes.DISK_FULL.id}"}:
            bad.append(f"{left} blocks free: {ended}")
        gc.collect()  # a journal that could not be restored holds its deleted files open until then
        (mount / "filler").unlink()
        sync_volume(mount)  # ext4 gives freed blocks away after its own next commit only
        bad += [f"{left} blocks free: {each}" for each in whole(volume)]
        shutil.rmtree(volume)
    return outcomes, bad


def read_only(image: Path, mount: Path) -> tuple[Counter[str], list[str]]:
    """Have the kernel make the file system read-only, as after a disk's error, before and within each step."""
    outcomes, bad = Counter[str](), []
    for name in NAMES:
        for late in (False, True):
            volume = mount / "volume"
            volume.mkdir()

            def abort(ctx: Context, name: str = name, late: bool = late) -> None:
                if late:
                    busy(ctx)
                if not (ctx.volume / name).exists() and ctx.progress._step == name:
                    subprocess.run(["mount", "-o", "remount,abort", mount], check=True)

            ended = walked(volume, toy(abort))
            outcomes[ended] += 1
            if ended.split()[-1] not in {codes.VOLUME_READ_ONLY.id, codes.JOURNAL_AWAY.id, codes.DISK_ERROR.id}:
                bad.append(f"{name}: {ended}")
            subprocess.run(["umount", mount], check=True)
            subprocess.run(["e2fsck", "-fy", image], check=False, capture_output=True)
            subprocess.run(["mount", "-o", "loop", image, mount], check=True)
            bad += [f"{name}: {each}" for each in whole(volume)]
            shutil.rmtree(volume)
    return outcomes, bad


def main() -> None:
    """Make the file system, do what was asked, print what came of it."""
    image, fault, every = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    image.write_bytes(b"")
    os.truncate(image, 12 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-b", str(BLOCK), "-m", "0", image], check=True)
    mount = image.with_name("mount")
    mount.mkdir()
    subprocess.run(["mount", "-o", "loop", image, mount], check=True)
    outcomes, bad = read_only(image, mount) if fault == "read-only" else full(mount, every, old=fault == "full-old")
    print(json.dumps({"outcomes": outcomes, "wrong": bad}))


if __name__ == "__main__":
    main()
