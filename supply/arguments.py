"""`python3 -m supply.arguments`: the build arguments from which the image's labels say what it was made of.

It needs Python's own library alone, because it is called where images are built, which may be before anything is
installed: `podman build $(python3 -m supply.arguments) .`
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from zflow import __version__

ROOT = Path(__file__).parents[1]


def revision(checkout: Path) -> str:
    """Return the commit that is checked out, with `-dirty` when files differ from it; empty where git knows none."""
    command = ["git", "-C", str(checkout), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    # A repository around the checkout is another project's.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(checkout.resolve().parent)}
    try:
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def arguments(checkout: Path = ROOT) -> list[str]:
    """Return what an engine's `build` is told."""
    return ["--build-arg", f"VERSION={__version__}", "--build-arg", f"REVISION={revision(checkout)}"]


if __name__ == "__main__":
    print(*arguments())
