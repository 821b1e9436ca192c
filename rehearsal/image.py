"""Makes the image without a registry: the base by mmdebstrap under the name in the Dockerfile, then its build."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rehearsal.commands import Failed, certificate_file, run, told
from rehearsal.engine import IMAGE, RUNTIME, podman
from supply.arguments import arguments

ROOT = Path(__file__).parents[1]
BASE = "docker.io/library/debian:bookworm-slim"
RELEASES = ("bookworm", "bookworm-updates", "bookworm-security")
SLIM = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)
"""What Debian's own slim image leaves out, here and in packages that the Dockerfile adds: 50 of 290 MB."""


def debian_sources() -> list[str]:
    """Return the base's sources.list as this host's own apt has it; empty where that knows no such Debian."""
    form = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    wanted = ("Created-By: Packages", "Origin: Debian", "Component: main")
    lines = run("apt-get", "indextargets", "--format", form, *wanted).splitlines()
    return [line for line in lines if line.split()[2] in RELEASES]


def debian_root(archive: Path, packages: Sequence[str], *options: str) -> None:
    """Make a root of Debian from this host's mirror, with these packages, as a tar archive."""
    if not (sources := debian_sources()):
        raise Failed(f"apt's sources on this machine have no Debian {RELEASES[0]}: `apt-get indextargets` lists none")
    include = f"--include={','.join(packages)}"
    run("mmdebstrap", "--quiet", "--variant=minbase", include, *options, RELEASES[0], str(archive), *sources)


def make_base() -> None:
    """Make the base image from this host's Debian mirror, unless it is there."""
    if podman("image", "exists", BASE, check=False).returncode == 0:
        return
    with tempfile.TemporaryDirectory() as folder:
        # A file between the two, not a pipe: a half-made archive must never be imported under the base's name.
        archive = Path(folder) / "base.tar"
        debian_root(archive, ["ca-certificates"], *(f"--dpkgopt={option}" for option in SLIM))
        podman("import", "--quiet", str(archive), BASE)


def build() -> None:
    """Build the image from this checkout; layers that did not change come from the cache."""
    authorities = certificate_file()
    trust = ["--volume", f"{authorities}:/authorities.crt:ro", "--build-arg", "PIP_CERT=/authorities.crt"]
    options = ["--quiet", "--format", "docker", *RUNTIME, *arguments(), *(trust if authorities else ())]
    podman("build", *options, "--tag", IMAGE, str(ROOT), timeout=1200)


def make_image() -> None:
    """Bring podman to where the image can be run. Raises Failed, with one sentence for a person."""
    make_base()
    build()


if __name__ == "__main__":
    sys.exit(told("image", make_image))
