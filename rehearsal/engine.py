"""Container engines, and how the command line of each differs."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from rehearsal.commands import Failed, cause, ended

IMAGE = "localhost/zflow:dev"
LABEL = "zflow-harness"


@dataclass(frozen=True)
class Engine:
    """An engine as one reaches it: `command` is its command line up to the first word of a request."""

    name: str
    command: tuple[str, ...]
    options: tuple[str, ...] = ()
    """What `run` and `create` are told on a host like ours."""
    volume_options: str = ""
    """What a volume is mounted with, where the engine would take rights away that an Ubuntu needs."""
    removal: tuple[str, ...] = ("rm", "--force", "--volumes")
    """Ends a container at once and removes it."""

    def run(self, *argv: str, check: bool = True, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Return what the engine printed, both streams apart. Raises Failed with its own words."""
        done = ended([*self.command, *argv], timeout)
        if check and done.returncode != 0:
            words = f"{self.name} {' '.join(argv[:3])}"
            raise Failed(f"{words} … ended with {done.returncode}: {cause(done.stderr or done.stdout)}")
        return done


LIMITS = ("--ulimit", "nofile=20000:20000", "--ulimit", "nproc=4000:4000")
"""Limits that a nested host grants too."""
RUNTIME = ("--runtime", "runc", *LIMITS)
"""runc, because crun refuses hybrid cgroup hierarchies."""
PODMAN = Engine("podman", ("podman",), RUNTIME, "dev,suid,exec", ("rm", "--force", "--volumes", "--time", "0"))
podman = PODMAN.run


def hand_over(engine: Engine, image: str = IMAGE) -> None:
    """Bring an image of podman's into another engine, under the same name. Raises Failed."""
    with subprocess.Popen([*PODMAN.command, "save", "--quiet", image], stdout=subprocess.PIPE) as saved:
        load = [*engine.command, "load", "--quiet"]
        done = subprocess.run(load, stdin=saved.stdout, capture_output=True, text=True, check=False)
    if saved.returncode or done.returncode:
        raise Failed(f"`podman save {image} | {engine.name} load` failed: {cause(done.stderr)}")
