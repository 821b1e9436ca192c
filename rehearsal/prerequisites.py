"""What this machine must have before a target of the Makefile can do its work, and how it gets there.

`python3 -m rehearsal.prerequisites TARGET` is the first line of every target: it installs what is missing, or says in
one sentence what is missing and how to get it, and ends with 2. It needs Python's own library alone.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rehearsal.commands import cause, ended, told
from rehearsal.image import debian_sources

RELEASE = "bookworm"
"""The Debian that the image is made of: from the mirror, and with the keys, of a machine of the same."""
PROCESSOR = "x86_64"
PYTHON = (3, 11)
"""The oldest that zflow runs on, as pyproject.toml says."""
APT = ("-qq", "-o", "DPkg::Lock::Timeout=120")
"""A fresh machine upgrades itself now and then, and has dpkg's lock meanwhile."""

VENV, IMAGE, FAST, HOST, ENGINES = "venv", "image", "fast", "host", "engines"
TARGETS: Mapping[str, frozenset[str]] = {
    "venv": frozenset({VENV}),
    "first-start": frozenset({IMAGE}),
    "image": frozenset({IMAGE}),
    "test-fast": frozenset({FAST}),
    "mutants": frozenset({FAST}),
    "test": frozenset({IMAGE, FAST, HOST, ENGINES}),
    "bench": frozenset({IMAGE, FAST, HOST}),
    "crash": frozenset({IMAGE, FAST, HOST}),
    "crash-short": frozenset({FAST, HOST}),
    "faults": frozenset({FAST, HOST}),
    "checkpoints": frozenset({IMAGE, FAST, HOST}),
}
"""Each target of the Makefile, and the kinds of work it does."""
AS_ROOT = frozenset({IMAGE, HOST, ENGINES})
"""Work that mounts, makes namespaces or containers."""


@dataclass(frozen=True)
class Need:
    """A program (or a file, by its full path), the Debian package it comes in, and the kinds of work that use it."""

    program: str
    package: str
    work: frozenset[str]

    def met(self) -> bool:
        """Tell whether this machine has it: a program where PATH leads."""
        if self.program == "ensurepip":  # a module of Python's own library that Debian ships apart
            return find_spec(self.program) is not None
        if self.program.startswith("/"):
            return Path(self.program).exists()
        return shutil.which(self.program) is not None


def _all(work: Iterable[str], *programs: str | tuple[str, str]) -> list[Need]:
    pairs = ((each, each) if isinstance(each, str) else each for each in programs)
    return [Need(program, package, frozenset(work)) for program, package in pairs]


NEEDS = (
    *_all([VENV], ("ensurepip", "python3-venv")),
    *_all([IMAGE], "podman", "runc", "iptables"),
    *_all([IMAGE], ("/usr/lib/podman/netavark", "netavark"), ("/usr/lib/podman/aardvark-dns", "aardvark-dns")),
    *_all([IMAGE, FAST], "gpg", "gpg-agent"),
    *_all([IMAGE, HOST], "mmdebstrap", ("nft", "nftables"), ("dpkg-deb", "dpkg")),
    *_all([FAST, HOST], "openssl", "strace", ("dnsmasq", "dnsmasq-base"), ("ip", "iproute2")),
    *_all([HOST], ("mkfs.ext4", "e2fsprogs"), "mount", "chromium"),
    *_all([HOST], ("mkfs.xfs", "xfsprogs"), ("mkfs.btrfs", "btrfs-progs")),
    *_all([HOST], ("systemd-analyze", "systemd")),
    *_all([HOST], ("nginx", "nginx-light"), "postfix", ("testssl", "testssl.sh")),
    *_all([HOST], ("/usr/lib/nginx/modules/ngx_mail_module.so", "libnginx-mod-mail")),
    *_all([ENGINES], ("dockerd", "docker.io"), ("docker", "docker.io"), "docker-compose", "podman-compose"),
    *_all([ENGINES], "slirp4netns", ("newuidmap", "uidmap")),
)
"""Program, package, who needs it: the one table of what the Makefile's targets use beside `make`, `git` and Python."""


def missing(target: str) -> list[str]:
    """Return the Debian packages that `target` needs and this machine lacks, sorted."""
    work = TARGETS[target]
    lacking = {need.package for need in NEEDS if need.work & work and not need.met()}
    return sorted(lacking)


def distribution() -> str:
    """Return what this machine runs in os-release's words: `debian bookworm`, or ` ` where nothing says so."""
    try:
        known = platform.freedesktop_os_release()
    except OSError:
        known = {}
    return f"{known.get('ID', '')} {known.get('VERSION_CODENAME', '')}"


def wrong_machine(work: frozenset[str]) -> str | None:
    """Return one sentence where no package can make this machine fit for the work."""
    if tuple(map(int, platform.python_version_tuple()[:2])) < PYTHON:
        wanted, found = ".".join(map(str, PYTHON)), platform.python_version()
        return f"Python {wanted} or newer is needed, and this is {found}: run it on Debian 12, which has it"
    if work & AS_ROOT and os.geteuid() != 0:
        return "it makes containers, mounts and namespaces, and that takes root: run it as root"
    if IMAGE in work and platform.machine() != PROCESSOR:
        return f"Zimbra has packages for {PROCESSOR} alone, and this is {platform.machine()}: run it on such a machine"
    system = distribution()
    if IMAGE in work and system != f"debian {RELEASE}":
        found = f"is {system.strip()}" if system.strip() else "has no /etc/os-release"
        return (
            f"the image is made from the packages of a Debian 12 ({RELEASE}) machine, and this one {found}: "
            f"run it on Debian 12, in a virtual machine or a privileged container"
        )
    return None


def install(packages: list[str]) -> str | None:
    """Install Debian packages; return apt's reason where that failed.

    invoke-rc.d(8) starts nothing in the runlevel named here: no server runs unless somebody wants it.
    """
    environment = ("env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
    update = ("apt-get", "update", *APT, "-o", "APT::Update::Error-Mode=any")
    for command in (update, ("apt-get", "install", "-y", *APT, "--no-install-recommends", *packages)):
        done = ended([*environment, *command])
        if done.returncode != 0:
            return f"`{' '.join(command[:2])}` ended with {done.returncode}: {cause(done.stderr)}"
    return None


def obstacle(target: str) -> str | None:
    """Bring this machine to where `target` can begin; return one sentence where that cannot be."""
    work = TARGETS[target]
    if sentence := wrong_machine(work):
        return sentence
    lacking = missing(target)
    names = ", ".join(lacking)
    if lacking and shutil.which("apt-get") is None:
        return f"missing Debian packages: {names}; there is no apt-get here to install them: install them yourself"
    if lacking and os.geteuid() != 0:
        return f"missing Debian packages: {names}; install them as root: apt-get install {' '.join(lacking)}"
    # An image of Debian comes without apt's lists, by which the mirror is known that the base image is made from.
    if lacking or (IMAGE in work and not debian_sources()):
        print(f"{target}: installing missing Debian packages: {names or 'none, but apt has no lists'} …", flush=True)
        if reason := install(lacking):
            return f"missing Debian packages: {names}; {reason} (apt needs a mirror it can reach)"
        if lacking := missing(target):
            names = ", ".join(lacking)
            return f"installed, but their programs are not on the PATH: {names}; add /usr/bin and /usr/sbin to it"
    return None


def main() -> int:
    """Make the machine ready for the target on the command line; 2 where it cannot be."""
    parser = argparse.ArgumentParser(prog="rehearsal.prerequisites", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    target = parser.parse_args().target
    if sentence := obstacle(target):
        print(f"{target}: {sentence}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(told(sys.argv[-1], main))
