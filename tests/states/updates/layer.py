"""This machine's own system as the Ubuntu on a volume: seen through a layer in memory, in a mount namespace."""

from __future__ import annotations

import subprocess
from pathlib import Path

TOP = Path("/mnt")
VOLUME = TOP / "volume"


def mounted() -> None:
    """Mount a layer in memory over this machine's system, in which programs can run."""
    for words in (("-t", "tmpfs", "tmpfs", TOP), ("--make-rprivate", "/")):
        subprocess.run(["mount", *words], check=True)
    for name in ("top", "work", "volume"):
        (TOP / name).mkdir()
    layers = f"lowerdir=/,upperdir={TOP}/top,workdir={TOP}/work"
    subprocess.run(["mount", "-t", "overlay", "-o", layers, "overlay", VOLUME], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", VOLUME / "proc"], check=True)
    subprocess.run(["mount", "--bind", "/dev", VOLUME / "dev"], check=True)
    for name in ("run", "tmp"):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", VOLUME / name], check=True)


def inside(*argv: str) -> int:
    """Run a program inside, and return its exit code."""
    return subprocess.run(["chroot", VOLUME, *argv], capture_output=True, check=False).returncode
