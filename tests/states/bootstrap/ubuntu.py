"""Makes small trees that look like an Ubuntu to zflow: a release file, a package list, a shell."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from states.ubuntu.suites import SUITES
from states.ubuntu.tree import Mark

BIONIC = SUITES["18.04"]
OS_RELEASE = 'NAME="Ubuntu"\nID=ubuntu\nVERSION_ID="{}"\nUBUNTU_CODENAME={}\n'


def stanza(name: str, status: str = "install ok installed") -> str:
    """Return a package's stanza as dpkg writes it, with a field that goes over several lines."""
    return f"Package: {name}\nStatus: {status}\nVersion: 1\nDescription: a package\n Status: not a field\n"


def make_tree(root: Path, version: str = "18.04", packages: Iterable[str] = BIONIC.packages) -> Path:
    """Make a tree with all that `defects` looks at, and the folders that the build and later states write to."""
    for folder in (
        "bin",
        "etc/apt/apt.conf.d",
        "etc/apt/trusted.gpg.d",
        "etc/apt/sources.list.d",
        "etc/cron.d",
        "usr/lib",
        "usr/sbin",
        "tmp",
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "var/lib/dpkg").mkdir(parents=True, exist_ok=True)
    codename = SUITES[version].codename if version in SUITES else "unknown"
    (root / "usr/lib/os-release").write_text(OS_RELEASE.format(version, codename))
    (root / "var/lib/dpkg/status").write_text("\n".join(stanza(each) for each in packages))
    (root / "bin/bash").write_bytes(b"\x7fELF and so on")
    (root / "bin/bash").chmod(0o755)
    return root


def pack(tree: Path, archive: Path) -> Path:
    """Pack a tree the way the message of ZF-2009 says."""
    subprocess.run(["tar", "-C", str(tree), "-czf", str(archive), "."], check=True)
    return archive


def mark(*entries: str) -> Mark:
    """Return a mark with these names at the top of its tree."""
    return Mark("bionic", "18.04", 3, "http://mirror.example.org/ubuntu", "2026-06-01", entries)
