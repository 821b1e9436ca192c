"""A search for Diffie-Hellman parameters that takes long delays nothing but the end of the walk."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.machine import Machine
from rehearsal.setup import machine
from rehearsal.standin.build import StandIn
from tests.e2e.looks import eventually
from tests.states.tls.parameters import ffdhe4096
from zflow.host.files import sha256

pytestmark = [pytest.mark.container, pytest.mark.network]

SLOW = """\
#!/bin/sh
if [ "$1 $2" = "dhparam -out" ]; then
    until [ -s /data/app/dh.pem ]; do sleep 0.2; done
    exec cp /data/app/dh.pem "$3"
fi
exec /usr/bin/openssl "$@"
"""
"""openssl as it is, but for a search that ends when the test says so."""


def waiting_for_the_search(found: Machine) -> bool:
    """Tell whether everything is valid but the search, which runs, and what is still to come after it."""
    steps = {each["name"]: each["status"] for each in found.status()["steps"]}
    rest = {name: status for name, status in steps.items() if not name.startswith(("tls.dh", "upgrade."))}
    return bool(steps) and set(rest.values()) == {"valid"} and steps["tls.dh"] == "running"


def test_a_slow_search_is_waited_for_at_the_end_only(
    image: None, bootstrapped: Path, release: StandIn, tmp_path: Path
) -> None:
    """While the search goes on the whole rest of the walk is done; its end ends the walk."""
    (tmp_path / "openssl").write_text(SLOW)
    (tmp_path / "openssl").chmod(0o755)
    settings = {
        "ZFLOW_DH": "generate",
        "ZFLOW_ROOTFS_ARCHIVE": "/rootfs/rootfs.tar",
        "ZFLOW_ROOTFS_SHA256": sha256(bootstrapped),
    }
    found = machine("zflow-test-dh", release, settings)
    found.mounts = (
        *found.mounts,
        f"{bootstrapped.parent}:/rootfs:ro",
        f"{tmp_path}/openssl:/usr/local/sbin/openssl:ro",
    )
    found.create()
    try:
        found.start()
        assert eventually(lambda: waiting_for_the_search(found), 600), found.logs()[-3000:]
        assert found.run("zflow", "status").returncode == 3
        assert "searching 4096-bit" in found.run("zflow", "status").stdout
        (found.volume_path() / "app/dh.pem").write_text(ffdhe4096())
        found.must_serve(300)
    finally:
        found.remove()
