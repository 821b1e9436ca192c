"""The other releases of Ubuntu: each walks to a serving server by one setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.container.rehearsal import machine, stand_in

pytestmark = [pytest.mark.container, pytest.mark.network]


@pytest.mark.parametrize("ubuntu", ["20.04", "22.04", "24.04"])
def test_a_first_start_on_another_ubuntu(image: None, tmp_path: Path, ubuntu: str) -> None:
    """The Ubuntu of the setting is installed whole and soundly, its updates would run, and the server serves on it."""
    found = machine(f"zflow-test-ubuntu-{ubuntu}", stand_in(tmp_path, ubuntu), ubuntu=ubuntu)
    found.create()
    try:
        found.start()
        assert found.wait_valid(900) == 0, found.logs()[-6000:]
        assert f'VERSION_ID="{ubuntu}"' in found.run("chroot", "/data", "cat", "/etc/os-release").stdout
        audit = found.run("chroot", "/data", "dpkg", "--audit")
        assert (audit.returncode, audit.stdout) == (0, "")
        assert found.run("chroot", "/data", "unattended-upgrade", "--dry-run", "-d", timeout=600).returncode == 0
        assert found.run("zflow", "verify", timeout=300).returncode == 0
    finally:
        found.remove()
