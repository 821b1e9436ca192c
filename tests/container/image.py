"""Makes the image without a registry: the base by mmdebstrap under the name in the Dockerfile, then its build."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.container.podman import IMAGE, RUNTIME, certificate_file, podman

ROOT = Path(__file__).parents[2]
BASE = "docker.io/library/debian:bookworm-slim"
RELEASES = ("bookworm", "bookworm-updates", "bookworm-security")
SLIM = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)
"""What Debian's own slim image leaves out, here and in packages that the Dockerfile adds: 50 of 290 MB."""
PACKAGES = {
    "podman": "podman", "runc": "runc", "mmdebstrap": "mmdebstrap", "netavark": "netavark",
    "aardvark-dns": "aardvark-dns", "iptables": "iptables", "gpg": "gpg", "gpg-agent": "gpg-agent",
    "nft": "nftables", "dpkg-deb": "dpkg",
}  # fmt: skip
"""Programs the harness runs, and the Debian packages they come in."""


def install_missing() -> None:
    """Install the Debian packages of programs that this host lacks."""
    search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/podman"
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program, path=search)]
    if missing:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
            check=True, env={"DEBIAN_FRONTEND": "noninteractive", "PATH": search}, stdout=subprocess.DEVNULL,
        )  # fmt: skip


def debian_sources() -> list[str]:
    """Return the base's sources.list as this host's own apt has it; empty where that knows no such Debian."""
    form = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    wanted = ("Created-By: Packages", "Origin: Debian", "Component: main")
    done = subprocess.run(
        ["apt-get", "indextargets", "--format", form, *wanted], check=True, capture_output=True, text=True
    )
    return [line for line in done.stdout.splitlines() if line.split()[2] in RELEASES]


def make_base() -> None:
    """Make the base image from this host's Debian mirror, unless it is there."""
    if podman("image", "exists", BASE, check=False).returncode == 0:
        return
    if not (sources := debian_sources()):  # an image of Debian comes without apt's lists, by which mirrors are known
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        sources = debian_sources()
    with tempfile.TemporaryDirectory() as folder:
        # A file between the two, not a pipe: a half-made archive must never be imported under the base's name.
        archive = f"{folder}/base.tar"
        options = ["--variant=minbase", "--include=ca-certificates", *(f"--dpkgopt={option}" for option in SLIM)]
        subprocess.run(["mmdebstrap", "--quiet", *options, RELEASES[0], archive, *sources], check=True)
        podman("import", "--quiet", archive, BASE)


def build() -> None:
    """Build the image from this checkout; layers that did not change are taken from the cache."""
    authorities = certificate_file()
    trust = ["--volume", f"{authorities}:/authorities.crt:ro", "--build-arg", "PIP_CERT=/authorities.crt"]
    options = ["--quiet", "--format", "docker", *RUNTIME, *(trust if authorities else ())]
    podman("build", *options, "--tag", IMAGE, str(ROOT), timeout=1200)


def make_image() -> None:
    """Bring this host to the point where the image can be run."""
    install_missing()
    make_base()
    build()
