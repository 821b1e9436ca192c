"""A container made anew over a finished volume: by a newer image, under another name, with other defaults."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import pytest

from rehearsal.machine import Machine
from tests.e2e.looks import events, newest

pytestmark = [pytest.mark.container, pytest.mark.network]


@contextlib.contextmanager
def recreated(
    machine: Machine, *, hostname: str | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Make the container anew over its volume with other options; afterwards it is as it was."""
    before = machine.hostname, machine.environment
    try:
        machine.stop()
        machine.remove(volume=False)
        machine.hostname, machine.environment = (
            hostname or machine.hostname,
            {**machine.environment, **(settings or {})},
        )
        machine.create()
        machine.start()
        yield
    finally:
        machine.stop()
        machine.remove(volume=False)
        machine.hostname, machine.environment = before
        machine.create()
        machine.start()
        machine.must_serve(600)


def test_a_new_image_with_other_defaults_changes_nothing_that_is_built_once(finished: Machine) -> None:
    """Another Ubuntu, mirror and release in the settings leave the installed ones alone: valid, and nothing built."""
    before = newest(finished)
    other = {"ZFLOW_UBUNTU": "22.04", "ZFLOW_MIRROR": "http://127.0.0.1:9/ubuntu", "ZFLOW_RELEASE": "10.1"}
    with recreated(finished, settings=other):
        finished.must_serve(600)
        assert 'VERSION_ID="18.04"' in finished.run("chroot", "/data", "cat", "/etc/os-release").stdout
        acted = {row["step"] for row in events(finished, before) if row["kind"] == "started"}
        assert not acted & {"bootstrap.build", "bootstrap.rootfs", "install.software", "install.setup"}


def test_another_host_name_is_refused_with_the_way_out(finished: Machine) -> None:
    """Under another name the server is not started: blocked, both names told, and how to go on."""
    with recreated(finished, hostname="other.example.test"):
        assert finished.wait_valid(600) == 1
        problem = finished.status()["problem"]
        assert problem["code"] == "ZF-3002"
        assert "mail.example.test" in problem["detail"]
        assert "other.example.test" in problem["detail"]
        assert "--hostname" in problem["remedy"]
        processes = finished.run("chroot", "/data", "ps", "-e", "-o", "comm=").stdout
        assert "nginx" not in processes
        assert "memcached" not in processes
