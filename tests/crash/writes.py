"""The real walker process over a toy product, killed by strace at the N-th write or sync of its journal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from tests.crash.life import copied, empty_volume
from tests.engine.child import NAMES
from tests.engine.toy import Bench, effects
from tests.engine.where import LIMIT, ROOT

CALLS = ("fdatasync", "pwrite64")


def walk(volume: Path, *prefix: str) -> int:
    """Walk the toy product in a process of its own; return its exit code."""
    argv = [*prefix, sys.executable, "-m", "tests.engine.child", str(volume), "walk"]
    return subprocess.run(argv, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=LIMIT, check=False).returncode


def killed_at(volume: Path, call: str, number: int) -> bool:
    """Walk, killed at such a call; return whether the walk made so many of them."""
    options = ["-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
    return walk(volume, "strace", *options) in {-9, 137}


def check_completed(volume: Path) -> None:
    """Walk undisturbed; nothing is doubled and nothing lost, whatever the kill left half written."""
    assert walk(volume) == 0
    bench = Bench(volume)
    assert effects(volume) == list(NAMES)
    assert bench.broken_link() is None
    assert bench.position()["state"] == "serving"
    for name in NAMES:
        assert sum(kind in {"done", "recovered", "satisfied"} for kind in bench.kinds(name)) == 1


def sweep(every: int = 1) -> Iterator[str]:
    """Kill at each `every`-th call of each kind until a walk comes to its end; yield what was survived."""
    with empty_volume() as template:
        for call in CALLS:
            for number in count(2, every):
                volume = copied(template, template.parent / "killed")
                if not killed_at(volume, call, number):
                    break
                check_completed(volume)
                yield f"{call} {number}"
