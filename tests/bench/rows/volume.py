"""An empty volume until the prerequisites are ready, beside the predecessor's sequence for the same packages.

All volumes are kept until the benchmarks end: for minutes after a tree was deleted ext4 passes over the inodes it had,
one by one, at each file it creates (`recently_deleted` in the kernel's fs/ext4/ialloc.c), and whoever comes next would
pay for it.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator
from pathlib import Path

from rehearsal.engine import podman
from rehearsal.image import make_image
from rehearsal.setup import machine, stand_in
from states.bootstrap import mmdebstrap
from states.bootstrap.settings import KEYRING
from states.ubuntu.settings import MIRROR
from states.ubuntu.suites import SUITES
from tests.bench.figures import Figure, Row, faster, span
from tests.bench.measure import side_by_side
from tests.bench.place import LABELLED, Place
from tests.bench.rows.journalled import events, moment
from tests.bench.rows.rival_image import begun_at, lifetime, make_rival, run_rival, volume_made

SUITE = SUITES["18.04"]
NAME = "zflow-bench-volume"
ROUNDS = 3
"""At most: each takes minutes."""
BEFORE = f"""\
debootstrap --variant=minbase --keyring={KEYRING.default} {SUITE.codename} /data {MIRROR.default}
mount -t proc proc /data/proc
printf '#!/bin/sh\\nexit 101\\n' > /data/usr/sbin/policy-rc.d
chmod +x /data/usr/sbin/policy-rc.d
cp --remove-destination /etc/resolv.conf /etc/hosts /data/etc/
export DEBIAN_FRONTEND=noninteractive
echo {mmdebstrap.PRESEED} | chroot /data debconf-set-selections
"""
SOURCES = mmdebstrap.sources(SUITE, MIRROR.default or "")
WRITTEN = f"printf '%s\\n' {shlex.join(SOURCES)} > /data/etc/apt/sources.list\n"
"""What of its way to the sources bears on the result alone: the file."""
ADDED = "\n".join(
    (
        "chroot /data apt-get -y update",
        "chroot /data apt-get -y install software-properties-common",
        *(f"chroot /data add-apt-repository --yes {shlex.quote(source)}" for source in SOURCES),
        "",
    )
)
"""Its own way: a program for it and all that comes with that, and each source followed by an update."""
AFTER = f"""\
chroot /data apt-get -y update
chroot /data apt-get -y dist-upgrade
chroot /data apt-get -y autoremove
chroot /data apt-get -y install --no-install-recommends {" ".join(SUITE.packages)}
sync -f /data
"""
"""The predecessor's docker-entrypoint.sh and setup-environment.sh, with zflow's packages, and as durable as ours."""


def measure(place: Place, rounds: int) -> Iterator[Figure]:
    """Install both in turn, in the same image; and only fetch and unpack, which nobody can do without."""
    make_image()
    make_rival()
    release = stand_in(place.new("release"))
    sets: list[frozenset[str]] = []
    names = (f"{NAME}-{number}" for number in itertools.count(1))

    def zflow() -> float:
        ours = machine(next(names), release, {"ZFLOW_RELEASE_SHA256": "0" * 64}, label=LABELLED)
        ours.create()
        ours.start()
        ours.wait_valid(900)
        sets.append(installed(ours.volume_path()))
        seconds = moment(events(ours.volume_path()), "bootstrap.rootfs", "done") - begun_at(ours.name)
        ours.remove(volume=False)
        return seconds

    def theirs(script: str) -> float:
        volume = volume_made(next(names))
        seconds = lifetime(name := run_rival(script, volume))
        sets.append(installed(Path(podman("volume", "inspect", "--format", "{{.Mountpoint}}", volume).stdout.strip())))
        podman("rm", "-f", name)
        return seconds

    took, published, same, least = side_by_side(
        min(rounds, ROUNDS),
        zflow,
        lambda: theirs(BEFORE + ADDED + AFTER),
        lambda: theirs(BEFORE + WRITTEN + AFTER),
        lambda: theirs(shlex.join(unpacking())),
    )
    what, limit = "empty volume to prerequisites ready", f"{span(least)}: fetch and unpack only"
    against = f"as published: sources by add-apt-repository, {len(sets[1] - sets[0])} packages more for it"
    yield faster(what, took, published, against, least=3, limit=limit)
    against = f"its sources written as a file ({len(sets[2])} packages, {len(sets[0] ^ sets[2])} differ)"
    yield faster(what, took, same, against, least=3, limit=limit)


def unpacking() -> list[str]:
    """Return the command that fetches the same packages the same way and only unpacks them."""
    whole = mmdebstrap.command(SUITE, MIRROR.default or "", KEYRING.default or "", "/data/tree")
    left = [word for word in whole if not word.startswith(("--variant", "--include", "--essential-hook"))]
    names = ("?essential", "?priority(required)", ",".join(("apt", *SUITE.packages)))
    return [left[0], "--variant=extract", *(f"--include={each}" for each in names), *left[1:]]


def installed(volume: Path) -> frozenset[str]:
    """Return the names of the packages installed on a volume."""
    status = volume / "var/lib/dpkg/status"
    lines = status.read_text(errors="replace").splitlines() if status.exists() else []
    return frozenset(line.partition(" ")[2] for line in lines if line.startswith("Package: "))


ROW = Row("volume", measure)
