"""The other releases of Ubuntu: each walks to a serving server by one setting, also past a killed configuration."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from rehearsal.machine import Machine
from rehearsal.setup import machine
from rehearsal.standin.build import build
from rehearsal.standin.runtime.stages import STAGES
from tests.e2e.looks import address, open_ports
from tests.e2e.test_checkpoints import SEED
from tests.e2e.test_kills import events_of

pytestmark = [pytest.mark.container, pytest.mark.network]


INSIDE = 389
"""The directory's port: open on all addresses as soon as the installer starts the server."""


def scanned_before_opening(found: Machine, patience: float) -> tuple[set[int], int]:
    """Scan all TCP ports from outside, again and again until the firewall's state is entered.

    Returns what answered, and how many whole scans there were while the server listened inside.
    """
    volume, place = found.volume_path(), address(found)
    answered: set[int] = set()
    scans, deadline = 0, time.monotonic() + patience
    while True:
        assert time.monotonic() < deadline, found.logs()[-6000:]
        listened = f":{INSIDE:04X} " in found.run("cat", "/proc/net/tcp", "/proc/net/tcp6").stdout
        ports = open_ports(place)
        if any(row["kind"] == "entered" and row["state"] == "firewall" for row in events_of(volume)):
            return answered, scans  # what answered in this round may have been opened meanwhile
        answered |= ports
        scans += listened


@pytest.mark.parametrize(
    ("ubuntu", "release", "slow"), [("20.04", "9.0.0", "0"), ("22.04", "8.8.15", "0"), ("24.04", "8.8.15", "3")]
)
def test_a_first_start_on_another_ubuntu(image: None, tmp_path: Path, ubuntu: str, release: str, slow: str) -> None:
    """Another Ubuntu is installed soundly, would update itself, serves, and was closed to the outside until then.

    Where the configuration is not slow it is killed once, after a stage taken by chance.
    """
    stage = random.Random(f"{SEED}-{ubuntu}").choice(list(STAGES))
    behaviour = {"slow": slow} if slow != "0" else {"kill_after": stage, "times": "1"}
    made = build(tmp_path, ubuntu=ubuntu, release=release, behaviour=behaviour)
    found = machine(f"zflow-test-ubuntu-{ubuntu}", made, ubuntu=ubuntu)
    found.create()
    try:
        found.start()
        answered, scans = scanned_before_opening(found, 900)
        assert answered == set()
        assert scans > 0 or slow == "0"
        found.must_serve(900)
        assert f'VERSION_ID="{ubuntu}"' in found.run("chroot", "/data", "cat", "/etc/os-release").stdout
        audit = found.run("chroot", "/data", "dpkg", "--audit")
        assert (audit.returncode, audit.stdout) == (0, "")
        assert found.run("chroot", "/data", "unattended-upgrade", "--dry-run", "-d", timeout=600).returncode == 0
        assert found.run("zflow", "verify", timeout=300).returncode == 0
    finally:
        found.remove()
