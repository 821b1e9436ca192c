"""The README's two commands on a machine that has nothing yet: Debian with git, make and Python, in a container.

The machine is made by mmdebstrap, gets a fresh clone of this checkout's last commit, and has to bring its own podman:
the containers of the first start run inside it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from rehearsal.commands import certificate_file
from rehearsal.engine import LABEL, PODMAN, RUNTIME, podman
from rehearsal.image import ROOT, debian_root
from rehearsal.machine import owner

pytestmark = [pytest.mark.container, pytest.mark.network]

PACKAGES = ("git", "make", "python3", "python3-venv")
"""What the README asks a Debian to have, and nothing else."""
CLONE = "/root/zflow"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a running machine without anything but PACKAGES, and a clone of this checkout."""
    given, name = tmp_path_factory.mktemp("bare"), f"zflow-bare-{owner()}"
    debian_root(given / "root.tar", PACKAGES)
    subprocess.run(["git", "-C", ROOT, "bundle", "create", "--quiet", given / "zflow.bundle", "HEAD"], check=True)
    mounts = [f"{given}:/given:ro", f"{name}:/var/lib/containers:dev,suid,exec"]
    trust = certificate_file()
    mounts += [f"{trust}:/authorities.crt:ro"] if trust else []
    label = ("--label", f"{LABEL}={owner()}")
    podman("import", "--quiet", "--change", f"LABEL {LABEL}={owner()}", str(given / "root.tar"), name)
    # A network of its own: inside, podman's default one must not be the one outside.
    podman("network", "create", *label, name)
    podman("volume", "create", *label, name)
    podman(
        "run", "--detach", "--privileged", *RUNTIME, *label, "--name", name, "--network", name,
        *(word for mount in mounts for word in ("--volume", mount)),
        *(("--env", "PIP_CERT=/authorities.crt") if trust else ()),
        name, "sleep", "infinity",
    )  # fmt: skip
    podman("exec", name, "git", "clone", "--quiet", "/given/zflow.bundle", CLONE)
    yield name
    podman(*PODMAN.removal, name, check=False)
    podman("volume", "rm", "--force", name, check=False)
    podman("network", "rm", "--force", name, check=False)
    podman("rmi", "--force", name, check=False)


def make(machine: str, target: str) -> tuple[int, str]:
    """Run a target in the clone; return its exit code, and what it printed to both streams, shown as it comes."""
    argv = [*PODMAN.command, "exec", "--workdir", CLONE, machine, "make", target]
    lines = []
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        try:
            for line in running.stdout or ():
                lines.append(line)
                sys.stdout.write(line)
        finally:
            running.kill()  # of no effect, unless the test's own time is over
    return running.returncode, "".join(lines)


def test_the_first_start_serves(bare: str) -> None:
    """`make first-start` installs what it needs, builds everything, and ends with a serving server."""
    code, said = make(bare, "first-start")
    assert code == 0, said[-4000:]
    assert "first-start: installing missing Debian packages: aardvark-dns, " in said
    assert re.search(r"^\S+ serving: every state is valid$", said, re.MULTILINE)
    assert "Traceback" not in said
    code, _ = make(bare, "clean-first-start")
    assert code == 0
    assert podman("exec", bare, "podman", "ps", "--all", "--quiet").stdout == ""


def test_the_fast_tests_pass_without_a_skip(bare: str) -> None:
    """`make test-fast` makes its own environment, and leaves no test out for want of a package.

    The vendor's definitions of its attributes are the vendor's, and brought by whoever has them.
    """
    code, said = make(bare, "test-fast")
    assert code == 0, said[-4000:]
    assert re.search(r"\d+ passed", said.rstrip().splitlines()[-1])
    left_out = [line for line in said.splitlines() if line.startswith("SKIPPED ")]
    assert [line for line in left_out if "the vendor's definitions are not at hand" not in line] == []
