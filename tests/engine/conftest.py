"""What most tests of the engine begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.toy import AT_ONCE, Bench
from zflow.retry import POLICIES


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A fresh volume, and a policy that does not wait."""
    monkeypatch.setitem(POLICIES, "at-once", AT_ONCE)
    return Bench(tmp_path)
