"""The real walker process is killed at the N-th write or sync of its journal; the next one completes the walk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.crash.writes import check_completed, killed_at
from tests.engine.toy import Bench

pytestmark = [
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, which injects the kills"),
    pytest.mark.slow,
]

POINTS = [("fdatasync", number) for number in (2, 4, 5, 7)] + [("pwrite64", number) for number in (3, 11, 17)]


@pytest.mark.parametrize(("call", "number"), POINTS)
def test_a_walker_killed_at_a_write_is_followed_by_one_that_completes(tmp_path: Path, call: str, number: int) -> None:
    """Nothing is doubled and nothing lost, whatever the kill left half written."""
    (tmp_path / ".zflow").mkdir()
    Bench(tmp_path).journal().close()
    assert killed_at(tmp_path, call, number), "the kill did not reach the walk"
    check_completed(tmp_path)
