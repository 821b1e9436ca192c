"""A small hand on podman: start, look into, kill and remove containers of zflow, and never leave any behind."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

IMAGE = "localhost/zflow:dev"
LABEL = "zflow-harness"
RUNTIME = (
    "--runtime", "runc",
    "--ulimit", "nofile=20000:20000",
    "--ulimit", "nproc=4000:4000",
)  # fmt: skip
"""runc, because crun refuses hybrid cgroup hierarchies; limits that a nested host grants too."""
CAPABILITIES = ("SYS_ADMIN", "NET_ADMIN", "AUDIT_WRITE")
"""Beside podman's defaults: SYS_ADMIN for the mounts of the chroot, NET_ADMIN for the firewall's own table, AUDIT_WRITE
for 18.04's su, sudo and cron. Podman's seccomp profile spares them the audit, an engine without one does not."""


def podman(*argv: str, check: bool = True, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run podman and return what it printed; both streams are kept."""
    done = subprocess.run(["podman", *argv], capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"podman {' '.join(argv[:3])} … ended with {done.returncode}: {done.stderr.strip()}")
    return done


def remove_leftovers() -> None:
    """Remove containers and volumes of earlier runs, also of killed ones; they carry the harness's label."""
    for name in podman("ps", "-aq", "--filter", f"label={LABEL}=test").stdout.split():
        podman("rm", "-f", "-t", "0", name, check=False)
    for name in podman("volume", "ls", "-q", "--filter", f"label={LABEL}=test").stdout.split():
        podman("volume", "rm", "-f", name, check=False)


@dataclass
class Machine:
    """One container over one volume, of the same names."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[str] = ()
    options: Sequence[str] = ()
    hostname: str = "mail.example.test"
    volume_options: str = "dev,suid,exec"
    label: str = "test"
    capabilities: Sequence[str] = CAPABILITIES

    def create(self) -> None:
        """Make the volume, if it is not there, and the container."""
        if podman("volume", "exists", self.name, check=False).returncode != 0:
            podman("volume", "create", "--label", f"{LABEL}={self.label}", self.name)
        variables = [word for pair in self.environment.items() for word in ("--env", "=".join(pair))]
        mounts = [word for mount in self.mounts for word in ("--volume", mount)]
        rights = [word for name in self.capabilities for word in ("--cap-add", name)]
        podman(
            "create", *RUNTIME, "--name", self.name, "--label", f"{LABEL}={self.label}",
            "--hostname", self.hostname, *rights, "--stop-timeout", "300",
            "--volume", f"{self.name}:/data:{self.volume_options}", *mounts, *variables, *self.options, IMAGE,
        )  # fmt: skip

    def start(self) -> None:
        """Start the container, as the engine would after a reboot."""
        podman("start", self.name)

    def kill(self) -> None:
        """End the whole container at once, as a power cut of its processes would."""
        podman("kill", "--signal", "KILL", self.name, check=False)
        podman("wait", self.name, check=False)

    def stop(self, timeout: int = 300) -> None:
        """Ask the container to end, with a grace period in seconds."""
        podman("stop", "--time", str(timeout), self.name, timeout=timeout + 60)

    def remove(self, *, volume: bool = True) -> None:
        """Remove the container and, unless told otherwise, its volume."""
        podman("rm", "-f", "-t", "0", self.name, check=False)
        if volume:
            podman("volume", "rm", "-f", self.name, check=False)

    def run(self, *argv: str, check: bool = False, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run a command inside the container (`podman exec`)."""
        return podman("exec", self.name, *argv, check=check, timeout=timeout)

    def logs(self) -> str:
        """Return all that the container printed so far."""
        done = podman("logs", self.name)
        return done.stdout + done.stderr

    def running(self) -> bool:
        """Tell whether the container runs."""
        done = podman("inspect", "--format", "{{.State.Running}}", self.name, check=False)
        return done.stdout.strip() == "true"

    def exit_code(self) -> int:
        """Return the exit code of the ended container."""
        return int(podman("inspect", "--format", "{{.State.ExitCode}}", self.name).stdout)

    def status(self) -> dict[str, Any]:
        """Return the document of `zflow status --json`."""
        document: dict[str, Any] = json.loads(self.run("zflow", "status", "--json").stdout)
        return document

    def wait_valid(self, timeout: float) -> int:
        """Wait until the walk has ended, well or not, and return the exit code of `zflow status`."""
        done = self.run("zflow", "status", "--wait", "--timeout", str(timeout), timeout=timeout + 60)
        return done.returncode

    def must_serve(self, timeout: float) -> None:
        """Wait until the walk has ended well. Raises RuntimeError with the end of the container's output."""
        if self.wait_valid(timeout) != 0:
            raise RuntimeError(self.logs()[-3000:])

    def wait_stopped(self, timeout: float) -> int:
        """Wait until the container has ended by itself and return its exit code."""
        deadline = time.monotonic() + timeout
        while self.running():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} still runs after {timeout} s")
            time.sleep(0.3)
        return self.exit_code()

    def volume_path(self) -> Path:
        """Return where the volume lies on this host."""
        return Path(podman("volume", "inspect", "--format", "{{.Mountpoint}}", self.name).stdout.strip())


def certificate_file() -> str | None:
    """Return this host's file of certificate authorities for pip, when one is set."""
    return next((os.environ[name] for name in ("PIP_CERT", "SSL_CERT_FILE") if os.environ.get(name)), None)
