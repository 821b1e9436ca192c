"""Each right taken away from a real walk: which step names it, before anything is built."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from states.bootstrap.rights import NEEDED
from tests.engine.where import ROOT
from zflow.journal.reader import position, reading

pytestmark = pytest.mark.root

CONTAINER = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
INSIDE = 'mount -t tmpfs tmpfs /run && mount -t sysfs sysfs /sys && exec setpriv "$@"'
SETTINGS = {
    "ZFLOW_DH": "ffdhe4096",
    "ZFLOW_RELEASE_URL": "/absent.tgz",
    "ZFLOW_RELEASE_SHA256": "0" * 64,
}
"""What is begun ahead of time ends at once."""


def blocked(volume: Path, restriction: str) -> tuple[str, str, str]:
    """Walk in namespaces like a container's, less what setpriv(1) takes away; return step, code and detail."""
    argv = [*CONTAINER, "sh", "-c", INSIDE, "sh", restriction, sys.executable, "-m", "zflow", "walk"]
    environment = os.environ | SETTINGS | {"ZFLOW_VOLUME": str(volume)}
    ended = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert "blocked: " in ended.stdout, ended.stdout + ended.stderr
    with reading(volume) as journal:
        row = position(journal)
    assert row is not None
    assert {each.name for each in volume.iterdir()} == {".zflow"}
    return row["step"], row["code"], row["detail"]


@pytest.mark.parametrize("name", [each.name for each in NEEDED])
def test_a_missing_capability_is_named(tmp_path: Path, name: str) -> None:
    """Any one of them, and only that, with what needs it."""
    step, code, detail = blocked(tmp_path, f"--bounding-set=-{name.lower()}")
    (why,) = [each.why for each in NEEDED if each.name == name]
    assert (step, code, detail) == ("bootstrap.rights", "ZF-2010", f"CAP_{name} ({why})")


def test_a_firewall_that_may_not_be_loaded_is_named_first(tmp_path: Path) -> None:
    """Without NET_ADMIN nothing can be closed, so nothing is begun."""
    assert blocked(tmp_path, "--bounding-set=-net_admin")[:2] == ("firewall.closed", "ZF-4002")


def test_frozen_privileges_are_named(tmp_path: Path) -> None:
    """With no-new-privileges the vendor's sudo would start nothing, minutes later."""
    assert blocked(tmp_path, "--no-new-privs")[:2] == ("bootstrap.rights", "ZF-2014")
