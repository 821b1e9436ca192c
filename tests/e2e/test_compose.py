"""`deploy/compose.yaml`, started for real by each program that reads it, to a server that serves."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.dockerd import Dockerd
from rehearsal.engine import IMAGE, LABEL, PODMAN, podman
from rehearsal.setup import machine
from rehearsal.standin.build import StandIn
from tests.deploy.test_manifests import compose
from tests.deploy.tools import debian_package
from tests.e2e.conftest import from_archive
from tests.e2e.looks import reached
from tests.e2e.readme import PUBLISHED, offset

pytestmark = [pytest.mark.container, pytest.mark.network]

PROGRAMS = ("podman-compose", "docker-compose", "docker compose")
"""As Debian 12 has the first two; the third is Compose v2, which came with the Debian after it."""
LIMITS = {"nofile": 20000, "nproc": 4000}
"""In place of the file's own, which a nested host like a test's may not grant."""


@dataclass(frozen=True)
class Compose:
    """A program that reads Compose files: its words, and where what it publishes is reached."""

    command: tuple[str, ...]
    place: str
    offset: int = 0
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, *argv: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run one of its commands."""
        environment = {**os.environ, **self.variables}
        return subprocess.run(
            [*self.command, *argv], env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest, image: None, tmp_path_factory: pytest.TempPathFactory) -> Compose:
    """One of the programs, with the engine behind it."""
    words = tuple(request.param.split())
    if request.param == "podman-compose":
        runtime = " ".join(PODMAN.options[:2])
        return Compose((*words, "--podman-run-args", runtime), "127.0.0.1", offset())
    docker: Dockerd = request.getfixturevalue("docker")
    variables = {"DOCKER_HOST": docker.socket}
    if request.param == "docker compose":
        package = debian_package("docker-compose", "trixie", tmp_path_factory.mktemp("newer"))
        variables["DOCKER_CONFIG"] = str(package / "usr/libexec/docker")  # where its folder cli-plugins lies
    return Compose(words, docker.neighbour.here, 0, variables)


@pytest.fixture
def file(program: Compose, bootstrapped: Path, release: StandIn, tmp_path: Path) -> Iterator[list[str]]:
    """The options that name the file and a project of this test's own; what they made goes when the test ends.

    Exchanged are image, names, ports, limits that this host forbids, and the release.
    """
    one = machine("zflow-test-compose", release, from_archive(bootstrapped))
    document = compose()
    service, volume = document["services"]["zimbra"], document["volumes"]["zimbra"]
    service |= {"image": IMAGE, "hostname": one.hostname, "ulimits": LIMITS, "labels": {LABEL: one.label}}
    service["environment"] = {**one.environment, **without_release(service["environment"])}
    service["volumes"] += [*one.mounts, f"{bootstrapped.parent}:/rootfs:ro"]
    service["ports"] = [f"{port + program.offset}:{port}" for port in PUBLISHED]
    volume |= {"name": one.name, "labels": {LABEL: one.label}}
    (tmp_path / "admin-password").write_text("a-long-password\n")
    (tmp_path / "admin-password").chmod(0o600)
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(document))
    options = ["--file", str(tmp_path / "compose.yaml"), "--project-name", one.name]
    yield options
    ended = program.run(*options, "down", "--volumes")
    if program.command[0] == "podman-compose":  # it leaves its network
        podman("network", "rm", f"{one.name}_default")
    assert ended.returncode == 0, ended.stderr


def without_release(environment: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of the file that stay."""
    return {name: value for name, value in environment.items() if name != "ZFLOW_RELEASE"}


def test_the_file_serves(program: Compose, file: list[str], record_property: Callable[[str, object], None]) -> None:
    """`up`, then `exec … zflow status --wait` as its first lines say: the server serves, on the ports it publishes."""
    began = time.monotonic()
    brought = program.run(*file, "up", "--detach")
    assert brought.returncode == 0, brought.stderr
    waited = program.run(*file, "exec", "-T", "zimbra", "zflow", "status", "--wait", "--timeout", "600", timeout=660)
    assert waited.returncode == 0, waited.stdout + waited.stderr + program.run(*file, "logs").stdout[-3000:]
    assert [port for port in PUBLISHED if not reached(program.place, port + program.offset)] == []
    record_property("seconds to serving", round(time.monotonic() - began))
