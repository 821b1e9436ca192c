"""helm and kubectl, unpacked once for all tests that use them."""

from __future__ import annotations

import pytest

from tests.deploy.tools import Tools


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """The programs."""
    return Tools(tmp_path_factory.mktemp("tools"))
