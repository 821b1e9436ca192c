"""Shared by the tests of hardening."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.states.hardening.server import Server


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A freshly installed server of 8.8.15 with one mail domain."""
    return Server(tmp_path, monkeypatch)
