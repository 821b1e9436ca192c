"""The laboratory itself leaves nothing behind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.states.firewall.lab import PREFIX, Lab, remove_leftovers

pytestmark = pytest.mark.root


def test_leftovers_of_killed_runs_are_removed(lab: Lab) -> None:
    """Namespaces of a run whose process is gone are removed, those of living runs stay."""
    with subprocess.Popen(["true"]) as gone:
        pass
    left = f"{PREFIX}{gone.pid}-world"
    subprocess.run(["ip", "netns", "add", left], check=True)
    remove_leftovers()
    assert not Path("/run/netns", left).exists()
    assert Path("/run/netns", lab.world).exists()
