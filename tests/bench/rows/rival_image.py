"""The predecessor's programs in zflow's own image, so that both run in the same one: debootstrap and iptables."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rehearsal.engine import IMAGE, LABEL, RUNTIME, podman
from rehearsal.machine import CAPABILITIES
from tests.bench.place import LABELLED

RIVAL = "localhost/zflow-bench"
RECIPE = f"""\
FROM {IMAGE}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap iptables hostname
"""


def make_rival() -> None:
    """Build it; it goes with the place."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Dockerfile").write_text(RECIPE)
        podman("build", "--quiet", *RUNTIME, "--label", f"{LABEL}={LABELLED}", "--tag", RIVAL, folder, timeout=600)


def run_rival(script: str, volume: str, *, options: Sequence[str] = ()) -> str:
    """Run a shell script in it over a volume, with the rights of the predecessor, and return the container's name."""
    name = f"{volume}-rival"
    podman("rm", "-f", "-t", "0", name, check=False)
    podman(
        "run", *RUNTIME, "--name", name, "--label", f"{LABEL}={LABELLED}", "--no-healthcheck",
        "--cap-add", ",".join((*CAPABILITIES, "MKNOD")), "--volume", f"{volume}:/data:dev,suid,exec", *options,
        "--entrypoint", "bash", RIVAL, "-ec", script, timeout=1200,
    )  # fmt: skip
    return name


def lifetime(name: str) -> float:
    """Return the seconds from the start of an ended container to its end."""
    return _moment(name, "FinishedAt") - _moment(name, "StartedAt")


def begun_at(name: str) -> float:
    """Return when a container was started, in seconds since the epoch."""
    return _moment(name, "StartedAt")


def _moment(name: str, field: str) -> float:
    [found] = json.loads(podman("container", "inspect", name).stdout)
    return datetime.fromisoformat(found["State"][field]).timestamp()


def volume_made(name: str) -> str:
    """Make a fresh volume; return its name."""
    podman("volume", "create", "--label", f"{LABEL}={LABELLED}", name)
    return name
