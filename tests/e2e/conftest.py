"""The real image over real volumes. One first start is shared by the tests that only look at its result."""

from __future__ import annotations

import fcntl
import itertools
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rehearsal.dockerd import Dockerd, dockerd
from rehearsal.engine import hand_over
from rehearsal.image import make_image
from rehearsal.machine import Machine, remove_leftovers
from rehearsal.setup import machine, stand_in
from rehearsal.standin.build import StandIn, build
from tests.chroot.ground import Ground, ground
from tests.e2e.trees import Snapshot, snapshot
from zflow.host.files import sha256

MakeMachine = Callable[..., Machine]
numbers = itertools.count()
OLDEST = "18.04"
SUITES = {OLDEST: "8.8.15", "20.04": "9.0.0", "22.04": "10.1.0"}
"""Ubuntus, each with a release line whose installer removes packages in a way of its own, or on another dpkg."""


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this whole run, whichever of its processes asks."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def once(made: Path, make: Callable[[Path], None]) -> Path:
    """Let the first process that needs a file or folder make it, beside its place, while the others wait."""
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            making = made.with_suffix(".part")
            make(making)
            making.rename(made)
    return made


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> StandIn:
    """The stand-in release, well behaved."""
    return stand_in(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="session")
def image(shared: Path) -> None:
    """The image, built from this checkout; nothing of an earlier run is in the way."""

    def make(mark: Path) -> None:
        remove_leftovers()
        make_image()
        mark.touch()

    once(shared / "image", make)


@pytest.fixture(scope="session")
def bootstrapped(image: None, release: StandIn, shared: Path) -> Path:
    """An archive of a volume as the real bootstrap left it, with which later tests save the download."""

    def make(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        bootstrap_into(folder / "rootfs.tar", release)

    return once(shared / "bootstrapped", make) / "rootfs.tar"


def bootstrap_into(archive: Path, release: StandIn, ubuntu: str = OLDEST) -> None:
    """Let the real bootstrap build an Ubuntu in a container, and pack it into an archive; needs the image."""
    donor = machine("zflow-test-donor", release, {"ZFLOW_RELEASE_SHA256": "0" * 64}, ubuntu=ubuntu)
    try:
        donor.create()
        donor.start()
        assert donor.wait_valid(900) == 1, donor.logs()
        donor.stop()
        pack(donor.volume_path(), archive)
    finally:
        donor.remove()


def from_archive(archive: Path) -> dict[str, str]:
    """Return the settings with which a container that has the archive's folder at /rootfs begins with it."""
    return {"ZFLOW_ROOTFS_ARCHIVE": f"/rootfs/{archive.name}", "ZFLOW_ROOTFS_SHA256": sha256(archive)}


def pack(volume: Path, archive: Path) -> None:
    """Pack the Ubuntu on a volume, without zflow's and the operator's folders."""
    names = [each.name for each in volume.iterdir() if each.name not in {".zflow", "app", "lost+found"}]
    subprocess.run(
        ["tar", "-C", volume, "--one-file-system", "--exclude=./etc/zflow-release", "-cf", archive, *names], check=True
    )


@pytest.fixture(scope="session")
def docker(image: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    """A Docker Engine with the image."""
    with dockerd(tmp_path_factory.mktemp("docker") / "engine") as found:
        hand_over(found.engine)
        yield found


@pytest.fixture
def make_machine(bootstrapped: Path, release: StandIn) -> Iterator[MakeMachine]:
    """Makes containers that bootstrap from the archive; they and their volumes go when the test ends."""
    made: list[Machine] = []

    def make(
        settings: Mapping[str, str] | None = None, *, release: StandIn = release, network: str = "bridge"
    ) -> Machine:
        offline = from_archive(bootstrapped)
        found = machine(f"zflow-test-{next(numbers)}", release, offline | dict(settings or {}))
        found.options = ("--network", network)
        found.mounts = (*found.mounts, f"{bootstrapped.parent}:/rootfs:ro")
        made.append(found)
        found.create()
        return found

    yield make
    for each in made:
        each.remove()


@pytest.fixture(scope="session")
def first_start(image: None, release: StandIn) -> Iterator[tuple[Machine, Snapshot]]:
    """A container whose first start, from the real archive, has ended undisturbed, and what it left on its volume."""
    whole = machine("zflow-test-finished", release)
    whole.create()
    whole.start()
    code = whole.wait_valid(1500)
    assert code == 0, whole.logs()[-6000:]
    yield whole, snapshot(whole.volume_path())
    whole.remove()


@pytest.fixture(scope="session")
def finished(first_start: tuple[Machine, Snapshot]) -> Machine:
    """The container of the first start, shared by all tests that need a serving one; they may change it."""
    return first_start[0]


@pytest.fixture(scope="session")
def undisturbed(first_start: tuple[Machine, Snapshot]) -> Snapshot:
    """What the undisturbed first start left, before any test touched it."""
    return first_start[1]


@pytest.fixture(scope="session")
def laid(request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The ground for tests of the installers in machines without an engine; a test may ask for another Ubuntu's.

    ZFLOW_TEST_ROOTFS names an archive of an Ubuntu as zflow bootstraps it, where none is to be made by podman; `{}` in
    it stands for the Ubuntu's version.
    """
    ubuntu = getattr(request, "param", OLDEST)
    named = os.environ.get("ZFLOW_TEST_ROOTFS")
    if ubuntu == OLDEST:
        release: StandIn = request.getfixturevalue("release")
        rootfs = Path(named.format(ubuntu)) if named else request.getfixturevalue("bootstrapped")
    else:
        release = build(tmp_path_factory.mktemp("release"), ubuntu=ubuntu, release=SUITES[ubuntu])
        rootfs = Path(named.format(ubuntu)) if named else _bootstrapped(request, shared, ubuntu, release)
    with ground(rootfs, release, ubuntu) as made:
        yield made


def _bootstrapped(request: pytest.FixtureRequest, shared: Path, ubuntu: str, release: StandIn) -> Path:
    request.getfixturevalue("image")
    return once(shared / f"{ubuntu}.tar", lambda archive: bootstrap_into(archive, release, ubuntu))


@pytest.fixture(scope="session")
def whole(laid: Ground) -> dict[str, Any]:
    """What an undisturbed configuration left in such a machine."""
    machine = laid.machine("whole")
    assert machine.walked() == 0, machine.output()[-6000:]
    found = machine.seen()
    machine.remove()
    return found
