"""The builds that docs/deployment.md prints, run by the shell as they are printed, for images that go with this run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

from rehearsal.commands import certificate_file
from rehearsal.engine import LABEL, RUNTIME
from rehearsal.image import ROOT
from rehearsal.machine import owner

AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
"""The host's file of certificate authorities, as the page has it."""


def printed(beginning: str) -> str:
    """Return the first block of commands after these words of the page."""
    page = (ROOT / "docs/deployment.md").read_text()
    (block,) = re.findall(rf"{re.escape(beginning)}.*?```sh\n(.*?)```", page, re.DOTALL)[:1]
    return str(block)


def tag(name: str) -> str:
    """Return a name for an image of this process."""
    return f"localhost/zflow-test-{name}:{owner()}"


def trust() -> list[str]:
    """Return what a build is told on a host that has a file of authorities of its own."""
    authorities = certificate_file()
    mount = ["--volume", f"{authorities}:/authorities.crt:ro", "--build-arg", "PIP_CERT=/authorities.crt"]
    return mount if authorities else []


def build(command: str, *more: str) -> None:
    """Run a printed build of this checkout; the image bears the label by which a killed run's is removed."""
    words = shlex.join(["podman", "build", "--quiet", *RUNTIME, "--label", f"{LABEL}={owner()}", *more])
    assert command.count("podman build ") == 1
    text = command.replace("podman build ", f"{words} ").replace("python3 ", f"{sys.executable} ")
    text = text.replace(AUTHORITIES, certificate_file() or AUTHORITIES)
    done = subprocess.run(["sh", "-ec", text], cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stderr
