"""A container of zflow over a volume of its own: start, look into, kill and remove it, and never leave any behind."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.commands import Failed
from rehearsal.engine import IMAGE, LABEL, PODMAN, Engine

CAPABILITIES = ("SYS_ADMIN", "NET_ADMIN", "AUDIT_WRITE")
"""Beside the engines' defaults: SYS_ADMIN for the mounts of the chroot, NET_ADMIN for the firewall's own table, and
AUDIT_WRITE for 18.04's su, sudo and cron: Podman's seccomp profile spares them the audit, another may not."""


def owner() -> str:
    """Return who this process is: its number, and when it began, because numbers are reused."""
    return _process("self")


def _process(number: str) -> str:
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")
    return f"{fields[0].split()[0]}.{fields[2].split()[19]}"


def _lives(name: str) -> bool:
    try:
        return _process(name.partition(".")[0]) == name
    except OSError:
        return False


LEFT = (
    ("container", ("ps", "--all"), ".Config.Labels"),
    ("volume", ("volume", "ls"), ".Labels"),
    ("network", ("network", "ls"), ".Labels"),
    ("image", ("images",), ".Config.Labels"),
)
"""What runs make, how each is listed, and where its labels stand. A container goes before what it uses."""


def remove_leftovers(engine: Engine = PODMAN) -> None:
    """Remove what processes made that live no more: what killed runs left, and nothing of a run beside this one."""
    for kind, listing, labels in LEFT:
        maker = f'{{{{index {labels} "{LABEL}"}}}}'
        removal = engine.removal if kind == "container" else (kind, "rm")
        for name in engine.run(*listing, "--quiet", "--filter", f"label={LABEL}").stdout.split():
            made_by = engine.run(kind, "inspect", "--format", maker, name, check=False).stdout.strip()
            if "." in made_by and not _lives(made_by):
                engine.run(*removal, name, check=False)


@dataclass
class Machine:
    """One container over one volume, of the same names."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[str] = ()
    options: Sequence[str] = ()
    hostname: str = "mail.example.test"
    label: str = field(default_factory=owner)
    """Whose it is: a process, with which it goes, or a word for what stays."""
    capabilities: Sequence[str] = CAPABILITIES
    engine: Engine = PODMAN
    volume_options: str | None = None
    """How the volume is mounted, where not as the engine needs it."""

    def create(self) -> None:
        """Make the volume, if it is not there, and the container."""
        self.make_volume()
        variables = [word for pair in self.environment.items() for word in ("--env", "=".join(pair))]
        mounts = [word for mount in self.mounts for word in ("--volume", mount)]
        rights = [word for name in self.capabilities for word in ("--cap-add", name)]
        how = self.engine.volume_options if self.volume_options is None else self.volume_options
        volume = ":".join(filter(None, (self.name, "/data", how)))
        self.engine.run(
            "create", *self.engine.options, "--name", self.name, "--label", f"{LABEL}={self.label}",
            "--hostname", self.hostname, *rights, "--stop-timeout", "300",
            "--volume", volume, *mounts, *variables, *self.options, IMAGE,
        )  # fmt: skip

    def make_volume(self) -> None:
        """Make the volume, if it is not there."""
        if self.engine.run("volume", "inspect", self.name, check=False).returncode != 0:
            self.engine.run("volume", "create", "--label", f"{LABEL}={self.label}", self.name)

    def start(self) -> None:
        """Start the container, as the engine would after a reboot."""
        self.engine.run("start", self.name)

    def kill(self) -> None:
        """End the whole container at once, as a power cut of its processes would."""
        self.engine.run("kill", "--signal", "KILL", self.name, check=False)
        self.engine.run("wait", self.name, check=False)

    def stop(self, timeout: int = 300) -> None:
        """Ask the container to end, with a grace period in seconds."""
        self.engine.run("stop", "--time", str(timeout), self.name, timeout=timeout + 60)

    def remove(self, *, volume: bool = True) -> None:
        """Remove the container and, unless told otherwise, its volume."""
        self.engine.run(*self.engine.removal, self.name, check=False)
        if volume:
            self.engine.run("volume", "rm", "-f", self.name, check=False)

    def run(self, *argv: str, check: bool = False, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run a command inside the container (`podman exec`)."""
        return self.engine.run("exec", self.name, *argv, check=check, timeout=timeout)

    def logs(self) -> str:
        """Return all that the container printed so far."""
        done = self.engine.run("logs", self.name)
        return done.stdout + done.stderr

    def running(self) -> bool:
        """Tell whether the container runs."""
        done = self.engine.run("inspect", "--format", "{{.State.Running}}", self.name, check=False)
        return done.stdout.strip() == "true"

    def exit_code(self) -> int:
        """Return the exit code of the ended container."""
        return int(self.engine.run("inspect", "--format", "{{.State.ExitCode}}", self.name).stdout)

    def status(self) -> dict[str, Any]:
        """Return the document of `zflow status --json`."""
        document: dict[str, Any] = json.loads(self.run("zflow", "status", "--json").stdout)
        return document

    def wait_valid(self, timeout: float) -> int:
        """Wait until the walk has ended, well or not, and return the exit code of `zflow status`."""
        done = self.run("zflow", "status", "--wait", "--timeout", str(timeout), timeout=timeout + 60)
        return done.returncode

    def must_serve(self, timeout: float) -> None:
        """Wait until the walk has ended well. Raises Failed with the end of the container's output."""
        if self.wait_valid(timeout) != 0:
            raise Failed(self.logs()[-3000:])

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
        return Path(self.engine.run("volume", "inspect", "--format", "{{.Mountpoint}}", self.name).stdout.strip())
