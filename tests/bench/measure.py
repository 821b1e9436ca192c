"""Medians of what ran side by side: A, B, A, B, … in one run, so that whatever else the machine does meets both."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PYTHON = Path(f"{sys.prefix}-bench") / "bin" / "python"
"""The environment of the benchmarks: zflow installed as in the image, and the rivals."""
ZFLOW = PYTHON.with_name("zflow")
SUBJECTS = Path(__file__).parent / "subjects"
TIED = ("setpriv", "--pdeathsig", "KILL")
"""Before a command that would run for long: it ends with the benchmarks, however they end."""
TIED_WHOLE = (*TIED, "unshare", "--pid", "--fork", "--kill-child")
"""The same for a command that starts others."""


def side_by_side(rounds: int, *subjects: Callable[[], float]) -> list[float]:
    """Call each in turn, so many rounds; return each one's median."""
    found: list[list[float]] = [[] for _ in subjects]
    for _ in range(rounds):
        for times, subject in zip(found, subjects, strict=True):
            times.append(subject())
    return [statistics.median(times) for times in found]


def taken(*argv: str | Path, environment: Mapping[str, str] | None = None, ok: Sequence[int] = (0,)) -> float:
    """Run a command and return the seconds it took. Raises RuntimeError for an exit code that is not `ok`."""
    begun = time.perf_counter()
    done = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, check=False)
    ended = time.perf_counter()
    if done.returncode not in ok:
        raise RuntimeError(
            f"{' '.join(map(str, argv[:4]))} … ended with {done.returncode}: {done.stderr.decode()[-2000:]}"
        )
    return ended - begun


def answer(subject: str, *arguments: str | Path, prefix: Sequence[str] = ()) -> Any:
    """Run one of the subjects in the environment of the benchmarks and return the JSON in its last line."""
    argv = [*prefix, str(PYTHON), str(SUBJECTS / f"{subject}.py"), *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise RuntimeError(
            f"{subject} {' '.join(map(str, arguments))} ended with {done.returncode}: {done.stderr[-2000:]}"
        )
    return json.loads(done.stdout.splitlines()[-1])


def syncs(counts: Path, *calls: str) -> Sequence[str]:
    """Return the command before another one that leaves in `counts` how often it made these system calls."""
    return ("strace", "-f", "-qq", "-c", "-U", "calls,name", "-o", str(counts), "-e", f"trace={','.join(calls)}")


def counted(counts: Path) -> dict[str, int]:
    """Return what `syncs` had counted, by the call's name."""
    words = [line.split() for line in counts.read_text().splitlines()]
    return {line[-1]: int(line[0]) for line in words if len(line) == 2 and line[0].isdigit() and line[1] != "total"}
