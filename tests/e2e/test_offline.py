"""A first start without any network: Ubuntu from a local archive, all packages from a local repository."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal.machine import Machine
from rehearsal.standin.aptrepo import publish
from rehearsal.standin.build import StandIn, build
from tests.e2e.conftest import MakeMachine

pytestmark = [pytest.mark.container, pytest.mark.network]


def with_ubuntus_packages(release: StandIn, debs: list[Path], folder: Path) -> StandIn:
    """Return the stand-in with a repository that holds, beside its own packages, those of Ubuntu it depends on."""
    pool = release.repository / "pool"
    for deb in debs:
        (pool / deb.name).write_bytes(deb.read_bytes())
    key = publish(release.repository, "bionic", sorted(pool.glob("*.deb")), folder / "key.asc")
    return replace(release, key=key.path, fingerprint=key.fingerprint)


def test_an_air_gapped_first_start(make_machine: MakeMachine, finished: Machine, tmp_path: Path) -> None:
    """With no network interface but loopback, archive and repository on the machine are enough to serve."""
    downloaded = sorted((finished.volume_path() / "var/cache/apt/archives").glob("*.deb"))
    assert downloaded
    found = make_machine(release=with_ubuntus_packages(build(tmp_path), downloaded, tmp_path), network="none")
    found.start()
    found.must_serve(900)
    assert "eth0" not in found.run("cat", "/proc/net/dev").stdout
