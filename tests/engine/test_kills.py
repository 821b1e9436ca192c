"""The real walker process is killed at the N-th write or sync of its journal; the next one completes the walk."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.child import NAMES
from tests.engine.toy import Bench, effects
from tests.engine.where import LIMIT, ROOT

pytestmark = [
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, which injects the kills"),
    pytest.mark.slow,
]

POINTS = [("fdatasync", number) for number in (2, 4, 5, 7)] + [("pwrite64", number) for number in (3, 11, 17)]


def walk(volume: Path, *prefix: str) -> int:
    """Walk the toy product in a process of its own; return its exit code."""
    argv = [*prefix, sys.executable, "-m", "tests.engine.child", str(volume), "walk"]
    return subprocess.run(argv, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=LIMIT, check=False).returncode


@pytest.mark.parametrize(("call", "number"), POINTS)
def test_a_walker_killed_at_a_write_is_followed_by_one_that_completes(tmp_path: Path, call: str, number: int) -> None:
    """Nothing is doubled and nothing lost, whatever the kill left half written."""
    (tmp_path / ".zflow").mkdir()
    Bench(tmp_path).journal().close()
    inject = (
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        f"trace={call}",
        "-e",
        f"inject={call}:signal=KILL:when={number}",
    )
    assert walk(tmp_path, *inject) in {-9, 137}, "the kill did not reach the walk"
    assert walk(tmp_path) == 0
    bench = Bench(tmp_path)
    assert effects(tmp_path) == list(NAMES)
    assert bench.broken_link() is None
    assert bench.position()["state"] == "serving"
    for name in NAMES:
        assert sum(kind in {"done", "recovered", "satisfied"} for kind in bench.kinds(name)) == 1
