"""Real processes that live inside a volume's Ubuntu: each has the volume for its root directory. Needs root."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCRIPT = """\
import os, sys, time
open("/proc/self/comm", "w").write(sys.argv[1])
os.chroot(sys.argv[2])
print("ready", flush=True)
time.sleep(600)
"""


@contextmanager
def nameless(volume: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process inside whose command line is empty, and that works in the vendor's folder."""
    home = volume / "opt/zimbra"
    home.mkdir(parents=True, exist_ok=True)
    script = f"import os, time; os.chroot({str(volume)!r}); print('ready', flush=True); time.sleep(600)"
    pipe = subprocess.PIPE
    with subprocess.Popen([""], executable=sys.executable, cwd=home, stdin=pipe, stdout=pipe) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(script.encode())
            process.stdin.close()
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


@contextmanager
def living(volume: Path, *words: str, called: str = "python") -> Iterator[subprocess.Popen[bytes]]:
    """Run a process inside that calls itself so, with these words in its command line."""
    argv = [called, "-c", SCRIPT, Path(called).name, str(volume), *words]
    with subprocess.Popen(argv, executable=sys.executable, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()
