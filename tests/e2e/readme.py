"""The production start of the README, taken out of it and run as it stands there."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rehearsal.engine import IMAGE, LABEL
from rehearsal.machine import Machine

ROOT = Path(__file__).parents[2]
README, OPERATIONS = ROOT / "README.md", ROOT / "docs/operations.md"
PUBLISHED = (25, 80, 443, 465, 587, 993, 995, 7071)


@dataclass(frozen=True)
class Production:
    """A start by the README: what of it is exchanged, and for what."""

    machine: Machine
    """Its name, the stand-in's settings and folders; the container is made by the README's command alone."""
    etc: Path
    """In place of /etc/zflow."""
    offset: int = 0
    """Added to the published ports of this host."""
    before: tuple[str, ...] = ()
    """The command line before the shell that runs it, where that is somebody else's."""

    @property
    def certificate(self) -> Path:
        """Return the folder into which the README has the certificate put."""
        return self.etc / "tls"

    def renew(self, lineage: Path) -> None:
        """Run certbot's deploy hook of the docs, as certbot does after it renewed what lies in a folder."""
        hook = block(OPERATIONS, "RENEWED_LINEAGE").replace("/etc/zflow", str(self.etc))
        environment = {**os.environ, "RENEWED_LINEAGE": str(lineage)}
        subprocess.run([*self.before, "sh", "-ec", hook], env=environment, check=True)

    def exchanges(self) -> Mapping[str, str]:
        """Return what is exchanged: the engine, names, folders, ports, limits that this host forbids, the release."""
        one, engine = self.machine, self.machine.engine
        release = [word for pair in one.environment.items() for word in ("--env", "=".join(pair))]
        release += [word for mount in one.mounts for word in ("--volume", mount)]
        options = [*engine.options, "--label", f"{LABEL}={one.label}", *one.options]
        return {
            "engine=podman    # or docker\n": f"engine={shlex.quote(' '.join(engine.command[len(self.before) :]))}\n",
            "--name zimbra ": f"--name {one.name} ",
            "exec zimbra ": f"exec {one.name} ",
            "zimbra:/data ": f"{one.name}:/data ",
            "mail.example.org": one.hostname,
            "/etc/zflow": str(self.etc),
            "--ulimit nofile=524288:524288": " ".join(options),
            "--env ZFLOW_RELEASE=8.8.15": " ".join(release),
            "localhost/zflow\n": f"{IMAGE}\n",
            **{f"--publish {port}:": f"--publish {port + self.offset}:" for port in PUBLISHED},
        }

    def start(self) -> float:
        """Run the block, to its end: the server serves; return the seconds that took."""
        script = block(README, " run --detach")
        for before, after in self.exchanges().items():
            assert before in script, f"{before!r} is not in the README's production start:\n{script}"
            script = script.replace(before, after)
        self.machine.make_volume()
        argv, began = [*self.before, "sh", "-ec", script], time.monotonic()
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=900, check=False)
        assert ended.returncode == 0, f"{ended.stdout[-1000:]}\n{ended.stderr}"
        return time.monotonic() - began


def block(page: Path, words: str) -> str:
    """Return the one block of a page's that has these words."""
    (found,) = [each for each in page.read_text().split("```")[1::2] if words in each]
    return found.removeprefix("sh\n")


def offset() -> int:
    """Return what this process adds to ports, so that nothing else here has them."""
    return 9_000 + os.getpid() % 16_000
