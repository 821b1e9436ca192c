"""A real dpkg on a volume's own list of packages, from outside: packages made, cut off, completed. Needs root."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.states.install.shells import Answering
from zflow.host.shell import Result

CONTROL = "Package: {}\nVersion: 2\nArchitecture: all\nMaintainer: t <t@example.org>\nDescription: t\n"


def built(file: Path, preinst: str = "", postinst: str = "", files: Iterable[str] = ()) -> Path:
    """Make a package with the name that the file begins with, and with files; return where it lies."""
    name = file.name.removesuffix(".deb").partition("_")[0]
    tree = file.with_suffix(".tree")
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(CONTROL.format(name))
    for name in files:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()
    for script, text in {"preinst": preinst, "postinst": postinst}.items():
        if text:
            (tree / "DEBIAN" / script).write_text(f"#!/bin/sh\n{text}\n")
            (tree / "DEBIAN" / script).chmod(0o755)
    subprocess.run(["dpkg-deb", "-Znone", "--build", tree, file], check=True, capture_output=True)
    return file


def command(volume: Path, *words: str) -> list[str]:
    """Return dpkg's command line for a volume; scripts of packages are run outside."""
    return ["dpkg", f"--root={volume}", "--force-script-chrootless", "--force-bad-path", *words]


def dpkg(volume: Path, *words: str) -> None:
    """Run dpkg to a good end."""
    subprocess.run(command(volume, *words), check=True, capture_output=True)


class Dpkg(Answering):
    """Runs a real dpkg, without the lock that is the Ubuntu's; answers all else."""

    def chroot(self, *argv: str, user: str | None = None, **options: object) -> Result:
        """Run dpkg with files as they are seen from outside."""
        if "dpkg" not in argv:
            return super().chroot(*argv)
        words = [f"{self._root}{word}" if word.startswith("/") else word for word in argv[argv.index("dpkg") + 1 :]]
        done = subprocess.run(command(self._root, *words), capture_output=True, check=False)
        return Result(done.returncode, (done.stdout + done.stderr).decode())
