"""Shared by all tests: nothing is skipped in silence where root or podman is missing, it is said why."""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest
from hypothesis import settings

# Neither depends on how busy the machine is, nor writes beside the tests.
settings.register_profile("zflow", deadline=None, database=None)
settings.load_profile("zflow")


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Skip what needs root for those who are not."""
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("root") or item.get_closest_marker("container"):
            item.add_marker(pytest.mark.skip(reason="needs root"))
