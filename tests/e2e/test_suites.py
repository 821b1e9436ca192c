"""The other releases of Ubuntu: each walks to a serving server by one setting."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.container.podman import Machine
from tests.container.rehearsal import machine, stand_in
from tests.e2e.test_kills import events_of
from tests.e2e.test_serving import address, reached

pytestmark = [pytest.mark.container, pytest.mark.network]


INSIDE = (25, 80, 389, 443, 7025, 7071, 7306, 8080, 8443, 11211)
"""Ports that the server opens on all addresses as soon as its installer starts it."""


def reached_before_opening(found: Machine, patience: float) -> set[int]:
    """Return the ports that answered outside from the container's start until the firewall's state is entered."""
    volume, place = found.volume_path(), address(found)
    answered: set[int] = set()
    deadline = time.monotonic() + patience
    while True:
        assert time.monotonic() < deadline, found.logs()[-6000:]
        ports = {port for port in INSIDE if reached(place, port, 0.2)}
        if any(row["kind"] == "entered" and row["state"] == "firewall" for row in events_of(volume)):
            return answered  # what answered in this round may have been opened meanwhile
        answered |= ports


@pytest.mark.parametrize("ubuntu", ["20.04", "22.04", "24.04"])
def test_a_first_start_on_another_ubuntu(image: None, tmp_path: Path, ubuntu: str) -> None:
    """Another Ubuntu is installed soundly, would update itself, serves, and was closed to the outside until then."""
    found = machine(f"zflow-test-ubuntu-{ubuntu}", stand_in(tmp_path, ubuntu), ubuntu=ubuntu)
    found.create()
    try:
        found.start()
        assert reached_before_opening(found, 900) == set()
        assert found.wait_valid(900) == 0, found.logs()[-6000:]
        assert f'VERSION_ID="{ubuntu}"' in found.run("chroot", "/data", "cat", "/etc/os-release").stdout
        audit = found.run("chroot", "/data", "dpkg", "--audit")
        assert (audit.returncode, audit.stdout) == (0, "")
        assert found.run("chroot", "/data", "unattended-upgrade", "--dry-run", "-d", timeout=600).returncode == 0
        assert found.run("zflow", "verify", timeout=300).returncode == 0
    finally:
        found.remove()
