"""Two runners on one volume, again and again: one wins, the other says who holds it, and nothing is corrupt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.where import LIMIT, ROOT, wait_for
from zflow.exits import Exit
from zflow.journal.reader import reading
from zflow.journal.seal import broken_link

pytestmark = pytest.mark.slow

RACES = 100


def runner(volume: Path) -> subprocess.Popen[str]:
    """Start `zflow run` with a real walker over a toy product."""
    argv = [sys.executable, "-m", "tests.engine.supervised", str(volume)]
    child = [sys.executable, "-m", "tests.engine.child", str(volume)]
    return subprocess.Popen(
        [*argv, *child], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ}
    )


def test_two_runners_race_a_hundred_times(tmp_path: Path) -> None:
    """Of two runners started together exactly one goes on, and the other ends with 4 and names the winner."""
    for _ in range(RACES):
        pair = [runner(tmp_path), runner(tmp_path)]
        wait_for(lambda pair=pair: any(each.poll() is not None for each in pair), "one to give up")  # type: ignore[misc]
        loser, winner = sorted(pair, key=lambda each: each.poll() is None)
        assert loser.returncode == Exit.HELD
        assert winner.poll() is None
        assert loser.stdout is not None
        assert f"process {winner.pid} of this container" in loser.stdout.read()
        loser.stdout.close()
        winner.send_signal(signal.SIGTERM)
        assert winner.wait(LIMIT) == Exit.VALID
        assert winner.stdout is not None
        winner.stdout.close()
    with reading(tmp_path) as journal:
        assert broken_link(journal) is None
