"""What the firewall's tests share: the laboratory, a record of their own, and contexts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from states import firewall
from states.firewall import table
from tests.states.firewall.lab import Direct, Lab, inside, laboratory, one_processor
from tests.support import make_context
from zflow.api import Context

Make = Callable[..., Context]


@pytest.fixture(autouse=True)
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the record of what is loaded lie in the test's own folder."""
    monkeypatch.setattr(table, "RUN", tmp_path / "run")
    return tmp_path / "run" / table.RECORD


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a maker of contexts: settings as keywords, without the prefix; a boot; a shell."""

    def make(boot: str = "boot-1", shell: Direct | None = None, **settings: str) -> Context:
        environment = {f"ZFLOW_FIREWALL_{name.upper()}": value for name, value in settings.items()}
        return make_context(tmp_path, firewall.SETTINGS, environment, shell=shell or Direct(), boot=boot)

    return make


@pytest.fixture(scope="session")
def built() -> Iterator[Lab]:
    """Build the laboratory once."""
    with laboratory() as made:
        yield made


@pytest.fixture
def lab(built: Lab) -> Iterator[Lab]:
    """Return the laboratory, without any table at the beginning; the test is inside the server."""
    with one_processor(), inside(built.server):
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        built.exchange()
        yield built
