"""The image in a registry: pushed as docs/deployment.md says, and fetched as the node of a cluster does."""

from __future__ import annotations

import base64
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rehearsal.engine import Engine, podman
from rehearsal.spaces import MORTAL, spaces
from tests.deploy.tools import Tools, debian_package
from tests.e2e.builds import build, printed, trust
from tests.e2e.looks import eventually

pytestmark = [pytest.mark.container, pytest.mark.network]

USER, PASSWORD = "operator", "a-long-password"
HTPASSWD = f"{USER}:$2b$05$abcdefghijklmnopqrstuuLjrm7vL7hts70kt.SnShIOHbr1tdDPu\n"
"""The password by bcrypt, the only form that this registry takes."""
EXAMPLE = "registry.example.org"
LISTENING = re.compile(r"listening on 127\.0\.0\.1:(\d+)")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Run Debian's registry, which lets in nobody without a password, and return its address."""
    (tmp_path / "package").mkdir()
    program = debian_package("docker-registry", "bookworm", tmp_path / "package") / "usr/bin/docker-registry"
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "store")}},
        "http": {"addr": "127.0.0.1:0"},
        "auth": {"htpasswd": {"realm": "registry", "path": str(tmp_path / "htpasswd")}},
    }
    (tmp_path / "registry.yml").write_text(yaml.safe_dump(settings))
    log = tmp_path / "registry.log"
    with log.open("wb") as written:
        argv = [*MORTAL, str(program), "serve", str(tmp_path / "registry.yml")]
        process = subprocess.Popen(argv, stdout=written, stderr=written)
    try:
        assert eventually(lambda: bool(LISTENING.search(log.read_text()))), log.read_text()
        yield f"localhost:{LISTENING.findall(log.read_text())[0]}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def node() -> Iterator[Engine]:
    """Return podman over an empty store of images, as a node has; its mounts and files go with this run."""
    with spaces("mount -t tmpfs tmpfs /mnt\n") as held:
        store = ("podman", "--root", "/mnt/images", "--runroot", "/mnt/run")
        yield Engine("podman of a node", (*held.entering("mount", "pid"), *store))


def test_a_node_fetches_the_image_that_was_pushed(image: None, registry: str, node: Engine, tmp_path: Path) -> None:
    """The same image arrives, its health check included; without the Secret nothing is given away."""
    block = printed("## The image in a registry").replace(EXAMPLE, registry)
    building, *others = block.replace("auth.json", str(tmp_path / "auth.json")).splitlines()
    login, push, secret = map(shlex.split, others)
    name = push[-1]
    try:
        build(building, *trust())
        (pushed,) = json.loads(podman("image", "inspect", name).stdout)
        given = ["--tls-verify=false", "--username", USER, "--password-stdin"]
        subprocess.run([*login, *given], input=PASSWORD, text=True, check=True, stdout=subprocess.DEVNULL)
        podman(*push[1:], "--tls-verify=false")
    finally:
        podman("image", "rm", "--force", name, check=False)
    written = Tools(tmp_path).output(*secret, "--dry-run=client", "--output=yaml")
    as_given = tmp_path / "as-given.json"
    as_given.write_bytes(base64.b64decode(yaml.safe_load(written)["data"][".dockerconfigjson"]))
    pull = ("pull", "--quiet", "--tls-verify=false", name)
    assert "unauthorized" in node.run(*pull, check=False).stderr
    node.run(*pull, "--authfile", str(as_given))
    (fetched,) = json.loads(node.run("image", "inspect", name).stdout)
    assert fetched["Id"] == pushed["Id"]
    assert fetched["Healthcheck"]["Test"] == ["CMD", "zflow", "health"]
