"""A container without an engine: the kernel's namespaces around a volume of layers, all of it in memory.

A case costs a second before its first step, whatever the machine's engine and disk; what it changed lies in a layer of
its own and is thrown away. Mounts, network and processes of a machine end with its first process, all machines with
the process that began them, also with a killed one.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HOSTNAME = "mail.example.test"
ADDRESS = "10.88.7.2"
SPACES = ("--mount", "--pid", "--fork", "--kill-child", "--net", "--uts", "--ipc", "--mount-proc")
HOLD = "mount -t tmpfs -o mode=755 zflow-test /mnt && echo ready && exec cat"
"""Ends with the pipe that it reads from, and the file system in memory with it."""
SETUP = """\
set -e
volume=$1; lower=$2; top=$3; shift 3
cd "$HERE"
hostname "$NAME"
ip link set lo up
ip link add eth0 type veth peer name nowhere
ip link set nowhere up
ip address add "$ADDRESS/24" dev eth0
ip link set eth0 up
ip route add default via "${ADDRESS%.*}.1"
[ -z "$lower" ] || mount -t overlay -o "lowerdir=$lower,upperdir=$top/files,workdir=$top/work" volume "$volume"
mount -t tmpfs -o mode=755 run /run
mkdir -p "$top/dev"
mount -t tmpfs -o mode=755 dev "$top/dev"
for node in null zero full random urandom tty; do : > "$top/dev/$node"; mount --bind "/dev/$node" "$top/dev/$node"; done
mkdir "$top/dev/pts" "$top/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$top/dev/pts"
mount -t tmpfs -o mode=1777 shm "$top/dev/shm"
ln -s pts/ptmx "$top/dev/ptmx"
ln -s /proc/self/fd "$top/dev/fd"
mount --move "$top/dev" /dev
set +e
"$@"
exit $?
"""
"""What an engine does before it starts a container. /dev is its own, for the system log makes its socket there. The
address leads nowhere: nothing can be downloaded. The shell stays as the first process and reaps, as tini does."""
POLL = 0.002
"""Seconds between two looks for the moment of a kill."""


@dataclass(frozen=True)
class Memory:
    """A file system in memory, in a mount namespace of its own; `inside` it lies at `/mnt`."""

    holder: int

    @property
    def outside(self) -> Path:
        """Return where this process finds it."""
        return Path(f"/proc/{self.holder}/root/mnt")

    def machine(self, name: str, *layers: str, settings: Mapping[str, str]) -> Machine:
        """Return a new machine whose volume shows the layers of others, the newest first, below its own."""
        folder = self.outside / name
        shutil.rmtree(folder, ignore_errors=True)
        for each in ("top/files", "top/work", "volume", "nothing"):
            (folder / each).mkdir(parents=True)
        return Machine(self, name, layers, settings)

    def entering(self) -> list[str]:
        """Return the command line before that of a program which is to find it."""
        return ["nsenter", f"--mount=/proc/{self.holder}/ns/mnt"]


@contextlib.contextmanager
def memory() -> Iterator[Memory]:
    """Hold a file system in memory for as long as this process wants it, at most as long as it lives."""
    command = ["unshare", "--mount", "sh", "-c", HOLD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        yield Memory(holder.pid)


@dataclass
class Machine:
    """One volume and, while it runs, what lives in it. `settings` are zflow's, as environment variables."""

    memory: Memory
    name: str
    layers: tuple[str, ...]
    settings: Mapping[str, str]
    mounted: bool = False
    """Whether the volume is a file system that somebody has mounted for it, and not made of layers."""
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def folder(self) -> Path:
        """Where everything of this machine lies, as seen from outside."""
        return self.memory.outside / self.name

    @property
    def top(self) -> Path:
        """The layer with what this machine changed, as seen from outside."""
        return self.folder / "top/files"

    def write(self, name: str, text: str) -> None:
        """Change a file on the volume that a layer below has; owner and mode stay, also those of its folders."""
        below = next(each for each in self._below() if (each / name).exists())
        for part in [*reversed(Path(name).parents), Path(name)]:
            old, new = below / part, self.top / part
            if old.is_dir():
                new.mkdir(exist_ok=True)
            else:
                new.write_text(text)
            shutil.copymode(old, new)
            os.chown(new, old.stat().st_uid, old.stat().st_gid)

    def _below(self) -> list[Path]:
        return [self.memory.outside / layer / "top/files" for layer in self.layers]

    def start(self, *argv: str, **variables: str) -> None:
        """Start a program inside."""
        volume, top = f"/mnt/{self.name}/volume", f"/mnt/{self.name}/top"
        layers = [*(f"/mnt/{layer}/top/files" for layer in self.layers), f"/mnt/{self.name}/nothing"]
        lower = "" if self.mounted else ":".join(layers)
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "ADDRESS": ADDRESS, "NAME": HOSTNAME}
        environment |= {"HERE": str(ROOT), "ZFLOW_VOLUME": volume, **self.settings, **variables}
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [*self.memory.entering(), "unshare", *SPACES, "sh", "-c", SETUP, "first", volume, lower, top, *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
            )

    def walk(self, until: str = "install.networks", variant: str = "") -> None:
        """Start zflow's walk, which ends after a step; `variant` names another way to go, see `walk.py`."""
        self.start(sys.executable, "-m", "tests.chroot.walk", until, f"/mnt/{self.name}/seen.json", variant)

    def walked(self, until: str = "install.networks", variant: str = "", *, timeout: float = 300) -> int:
        """Walk to the end and return the exit code."""
        self.walk(until, variant)
        return self.wait(timeout)

    def run(self, *argv: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command of zflow's inside while the machine runs, as an engine's `exec` does."""
        inside = ["nsenter", f"--target={self._first()}", "--mount", "--pid", "--net", "--uts", "--ipc", f"--wd={ROOT}"]
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "ZFLOW_VOLUME": f"/mnt/{self.name}/volume"}
        return subprocess.run(
            [*inside, sys.executable, "-m", "zflow", *argv],
            env={**environment, **self.settings}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout, check=False,
        )  # fmt: skip

    def _first(self) -> str:
        assert self._process is not None
        return Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()[0]

    def seen(self) -> dict[str, Any]:
        """Return what the last walk saw on the volume when it had ended."""
        found: dict[str, Any] = json.loads((self.folder / "seen.json").read_text())
        return found

    def wait(self, timeout: float) -> int:
        """Wait for the end and return the exit code; ends what takes longer than `timeout` seconds."""
        assert self._process is not None
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} still runs after {timeout} s: {self.output()[-4000:]}") from None

    def running(self) -> bool:
        """Tell whether its first process still runs."""
        return self._process is not None and self._process.poll() is None

    def wait_for(self, name: str, timeout: float) -> None:
        """Wait until this machine has made or changed a file of the volume."""
        assert self._process is not None
        until = time.monotonic() + timeout
        while not (self.top / name).exists():
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise AssertionError(f"{self.name} made no {name}: {self.output()[-4000:]}")
            time.sleep(POLL)

    def kill(self) -> None:
        """End everything inside at once, as an engine's kill does; return when nothing is left of it."""
        assert self._process is not None
        with contextlib.suppress(OSError, IndexError):
            os.kill(int(self._first()), signal.SIGKILL)
        self._process.wait(60)

    def remove(self) -> None:
        """Give the memory back."""
        shutil.rmtree(self.folder)

    def output(self) -> str:
        """Return all that was printed inside."""
        return (self.folder / "output").read_text(errors="replace")
