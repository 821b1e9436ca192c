"""`python -m tests.crash.images FILE_SYSTEM --images N --rootfs ARCHIVE`: power cuts of whole volumes, at any moment.

The product itself makes a first start in a machine of namespaces, with the stand-in release, on a real file system; its
device is cloned at random moments (`disk.py`). Half of the images are of moments inside the vendor's two installers.
Each image is then mounted, as after the power's return, and walked on to a serving server. Prints findings as JSON.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from rehearsal.setup import stand_in
from states.product import PRODUCT
from tests.chroot.ground import READY, Ground, ground
from tests.chroot.machine import Machine, Memory
from tests.crash.disk import FORMATS, Pool
from tests.crash.moments import DISK, ELSEWHERE, VENDOR, Album, Image, told
from tests.e2e.trees import Snapshot, differences, snapshot
from zflow.host.files import sha256, sync_volume
from zflow.journal.reader import reading
from zflow.journal.seal import broken_link

ONCE = [step.name for step in PRODUCT.steps if step.once]
COMPLETED = frozenset({"done", "recovered"})
"""How the journal says that an application came to its end."""
PAUSE = 0.4
"""Seconds at most between two moments."""
LIMIT = 600.0
"""Seconds that a walk may take to a serving server."""
SETTINGS = {"ZFLOW_FIREWALL_HOST_NETWORK": "yes", "ZFLOW_MIRROR": "http://127.0.0.1:9/ubuntu"}
"""The network is the machine's own, but /sys shows its host's; and a mirror that leads nowhere refuses at once."""


@dataclass
class Findings:
    """What the images have shown."""

    file_system: str
    images: int = 0
    inside: dict[str, int] = field(default_factory=dict)
    """How many of them are of moments inside an installer of the vendor's, and elsewhere."""
    acknowledged: int = 0
    points: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Trials:
    """All that is needed to start a server in a machine, again and again."""

    memory: Memory
    pool: Pool
    settings: Mapping[str, str]

    @contextmanager
    def mounted(self, name: str) -> Iterator[tuple[Machine, Path]]:
        """Give a machine over the disk's file system, and its volume; in the end nothing of it runs or is mounted."""
        machine = replace(self.memory.machine(name, settings=self.settings), mounted=True)
        volume = self.pool.mount(DISK, machine)
        try:
            yield machine, volume
        finally:
            machine.kill()
            self.pool.unmount(DISK, machine)
            machine.remove()

    def first_start(self, album: Album, repository: Path, secrets: Path) -> Snapshot:
        """Walk a new volume to a serving server while images of it are taken; return what it left.

        It is given the vendor's packages, and the secrets, so that what is made from these can be compared.
        """
        with self.mounted("first") as (machine, volume):
            shutil.copytree(repository, volume / "app/vendor-repo")
            shutil.copytree(secrets, volume / ".zflow/secrets")
            (volume / ".zflow").chmod(0o700)
            sync_volume(volume)
            machine.start(sys.executable, "-m", "zflow", "run")
            until = time.monotonic() + LIMIT
            while (last := told(volume)[-1:]) == [] or last[0]["kind"] != "checked":
                assert not last or last[0]["kind"] != "ended", machine.output()[-4000:]
                assert machine.running(), machine.output()[-4000:]
                assert time.monotonic() < until, machine.output()[-4000:]
                album.moment(volume)
                time.sleep(album.dice.uniform(0, PAUSE))
            defects = unfit(machine, volume)
            assert not defects, f"{defects}: {machine.output()[-4000:]}"
            return snapshot(volume)

    def gone_on(self, image: Image, undisturbed: Snapshot) -> list[str]:
        """Walk on from an image; return what is wrong then: nothing, if the power cut has cost nothing."""
        self.pool.clone(image.name, DISK)
        try:
            with self.mounted("next") as (machine, volume):
                machine.start(sys.executable, "-m", "zflow", "run")
                defects = unfit(machine, volume)
                return [*defects, machine.output()[-4000:]] if defects else lacking(image, volume, undisturbed)
        except (AssertionError, subprocess.SubprocessError) as error:
            return [str(error)]


def lacking(image: Image, volume: Path, undisturbed: Snapshot) -> list[str]:
    """Return what a served volume lacks of what was acknowledged, and of what a walk without a cut leaves."""
    rows, found = told(volume), snapshot(volume)
    missing = image.hashes - {row["hash"] for row in rows}
    completed = Counter(row["step"] for row in rows if row["key"] == "once" and row["kind"] in COMPLETED)
    return [
        *([f"{len(missing)} acknowledged lines of the journal are missing"] if missing else []),
        *(f"{name} was completed {completed[name]} times" for name in ONCE if completed[name] != 1),
        *differences(undisturbed.files, found.files)[:20],
        *(["the directory's entries differ"] if undisturbed.entries != found.entries else []),
    ]


def unfit(machine: Machine, volume: Path) -> list[str]:
    """Wait for the walk's end; return what zflow itself finds wrong then, by each of its ways to look."""
    until = time.monotonic() + LIMIT
    while not machine.output():
        assert machine.running(), "the machine did not start"
        assert time.monotonic() < until, "zflow prints nothing"
        time.sleep(0.05)
    looks = (("status", "--wait", "--timeout", str(LIMIT)), ("journal", "verify"), ("verify",))
    for look in looks:
        ended = machine.run(*look, timeout=LIMIT + 60)
        if ended.returncode != 0:
            return [
                f"zflow {' '.join(look)} ended with {ended.returncode}: {ended.stdout[-2000:]}{ended.stderr[-2000:]}"
            ]
    with reading(volume) as journal:
        broken = broken_link(journal)
    return [] if broken is None else [f"the journal's chain is broken at {broken}"]


def run(kind: str, count: int, seed: str, rootfs: Path) -> Findings:
    """Take so many images of a first start on such a file system, and walk each of them on."""
    found, dice = Findings(kind), random.Random(f"{seed}-{kind}")
    places = dict.fromkeys(VENDOR, count // 4) | {ELSEWHERE: count - 2 * (count // 4)}
    with tempfile.TemporaryDirectory(prefix="zflow-images-") as folder:
        release = stand_in(Path(folder))
        with ground(rootfs, release) as laid:
            _enter(laid.memory)
            pool = Pool(laid.memory)
            pool.make()
            pool.formatted(DISK, kind)
            archive = {"ZFLOW_ROOTFS_ARCHIVE": "/mnt/rootfs.tar", "ZFLOW_ROOTFS_SHA256": sha256(_packed(laid))}
            trials = Trials(laid.memory, pool, {**laid.settings, **archive, **SETTINGS})
            album = Album(pool, dice, places)
            secrets = laid.memory.outside / READY / "top/files/.zflow/secrets"
            undisturbed = trials.first_start(album, release.repository, secrets)
            found.inside = {place: len(images) for place, images in album.kept.items()}
            found.lost += [
                f"{place}: {found.inside[place]} images in place of {count}"
                for place, count in places.items()
                if found.inside[place] != count
            ]
            for image in album.images():
                wrong = trials.gone_on(image, undisturbed)
                if wrong and not found.lost:
                    wrong.append(f"the image is {pool.kept(image.name, kind)}")
                pool.remove(image.name)
                found.images += 1
                found.points.append(image.point)
                found.acknowledged += len(image.hashes)
                found.lost += [f"{image.point}: {each}" for each in wrong]
                print(f"{kind} {found.images}/{count}: {image.point}: {wrong or 'right'}", file=sys.stderr, flush=True)
    return found


def _enter(held: Memory) -> None:
    """Move this process to where the memory's mounts are: SQLite does not find its files by `/proc/PID/root`."""
    with Path(f"/proc/{held.holder}/ns/mnt").open("rb") as spaces:
        library = ctypes.CDLL(None, use_errno=True)
        if library.setns(spaces.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), f"setns to {spaces.name}")


def _packed(laid: Ground) -> Path:
    """Pack the ground's Ubuntu, with all that the stand-in wants of it: a first start from it needs no network."""
    ready, archive = laid.memory.outside / READY / "top/files", laid.memory.outside / "rootfs.tar"
    left_out = [f"--exclude=./{name}" for name in (".zflow", "app", "opt", "etc/zflow-release")]
    subprocess.run(["tar", "-C", ready, *left_out, "-cf", archive, "."], check=True)
    return archive


def main() -> int:
    """Print the findings; 1 when anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file_system", choices=FORMATS)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument(
        "--seed", default="1", help="of the moments' dice; the machine's own speed has its part in them"
    )
    parser.add_argument("--rootfs", type=Path, required=True, help="an Ubuntu 18.04 that zflow bootstrapped, as a tar")
    options = parser.parse_args()
    found = run(options.file_system, options.images, options.seed, options.rootfs)
    print(json.dumps(asdict(found)))
    return 1 if found.lost else 0


if __name__ == "__main__":
    sys.exit(main())
