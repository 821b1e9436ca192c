"""The image in a registry: pushed as docs/deployment.md says, and fetched as the node of a cluster does."""

from __future__ import annotations

import base64
import json
import re
import shlex
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rehearsal.engine import IMAGE, podman
from rehearsal.image import ROOT
from tests.deploy.tools import Tools, debian_package
from tests.e2e.looks import eventually, reached

pytestmark = [pytest.mark.container, pytest.mark.network]

USER, PASSWORD = "operator", "a-long-password"
HTPASSWD = f"{USER}:$2b$05$abcdefghijklmnopqrstuuLjrm7vL7hts70kt.SnShIOHbr1tdDPu\n"
"""The password by bcrypt, the only form that this registry takes."""
EXAMPLE = "registry.example.org"


@pytest.fixture
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """helm and kubectl."""
    return Tools(tmp_path_factory.mktemp("tools"))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Run Debian's registry, which lets in nobody without a password, and return its address."""
    (tmp_path / "package").mkdir()
    program = debian_package("docker-registry", "bookworm", tmp_path / "package") / "usr/bin/docker-registry"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "store")}},
        "http": {"addr": f"127.0.0.1:{port}"},
        "auth": {"htpasswd": {"realm": "registry", "path": str(tmp_path / "htpasswd")}},
    }
    (tmp_path / "registry.yml").write_text(yaml.safe_dump(settings))
    with (tmp_path / "registry.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", tmp_path / "registry.yml"], stdout=log, stderr=log)
    try:
        assert eventually(lambda: reached("127.0.0.1", port))
        yield f"localhost:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def node() -> Iterator[tuple[str, ...]]:
    """Return podman's options for an empty store of images, as a node has."""
    with tempfile.TemporaryDirectory() as folder:  # podman takes 50 characters at most; pytest's own paths are longer
        yield ("--root", f"{folder}/images", "--runroot", f"{folder}/run")
        subprocess.run(["umount", f"{folder}/images/overlay"], check=False, stderr=subprocess.DEVNULL)


def commands() -> list[list[str]]:
    """Return the commands of the page's chapter."""
    page = (ROOT / "docs/deployment.md").read_text()
    (block,) = re.findall(r"## The image in a registry\n.*?```sh\n(.*?)```", page, re.DOTALL)
    return [shlex.split(line) for line in block.splitlines()]


def test_a_node_fetches_the_image_that_was_pushed(
    image: None, registry: str, node: tuple[str, ...], tools: Tools, tmp_path: Path
) -> None:
    """The same image arrives, its health check included; without the Secret nothing is given away."""
    build, login, push, secret = (
        [word.replace(EXAMPLE, registry).replace("auth.json", str(tmp_path / "auth.json")) for word in command]
        for command in commands()
    )
    name = build[build.index("--tag") + 1]
    (pushed,) = json.loads(podman("image", "inspect", IMAGE).stdout)
    podman("tag", pushed["Id"], name)  # what the first command makes, made already
    try:
        given = ["--tls-verify=false", "--username", USER, "--password-stdin"]
        subprocess.run([*login, *given], input=PASSWORD, text=True, check=True, stdout=subprocess.DEVNULL)
        podman(*push[1:], "--tls-verify=false")
    finally:
        podman("untag", pushed["Id"], name)
    written = tools.output(*secret, "--dry-run=client", "--output=yaml")
    as_given = tmp_path / "as-given.json"
    as_given.write_bytes(base64.b64decode(yaml.safe_load(written)["data"][".dockerconfigjson"]))
    pull = (*node, "pull", "--quiet", "--tls-verify=false", name)
    assert "unauthorized" in podman(*pull, check=False).stderr
    podman(*pull, "--authfile", str(as_given))
    (fetched,) = json.loads(podman(*node, "image", "inspect", name).stdout)
    assert fetched["Id"] == pushed["Id"]
    assert fetched["Healthcheck"]["Test"] == ["CMD", "zflow", "health"]
