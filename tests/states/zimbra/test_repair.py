"""What a kill in the middle of dpkg leaves of the vendor's packages, and how it is completed: with a real dpkg."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from states.zimbra import repair
from states.zimbra.packages import vendor_packages
from states.zimbra.unpack import installer
from tests.states.install.dpkg import Dpkg, built, command
from tests.states.install.records import write_packages
from tests.states.install.shells import commands
from tests.support import make_context

NAME = "zimbra-core"
PATIENCE = 30
"""Seconds that dpkg gets to come to the script in which it is killed."""


@pytest.mark.root
def test_a_package_cut_off_while_it_was_unpacked_is_installed(tmp_path: Path) -> None:
    """dpkg alone neither configures nor removes it, and apt refuses all work: it is unpacked again from the release."""
    ctx = make_context(tmp_path, shell=Dpkg(tmp_path))
    write_packages(tmp_path, "bash")
    (installer(ctx) / "packages").mkdir(parents=True)
    script = f"[ -e {tmp_path}/quick ] || {{ touch {tmp_path}/begun; exec sleep 600; }}"
    file = built(installer(ctx) / f"packages/{NAME}_2_all.deb", script)
    quiet = subprocess.DEVNULL
    argv = command(tmp_path, "--install", str(file))
    with subprocess.Popen(argv, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True) as process:
        until = time.monotonic() + PATIENCE
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
    (tmp_path / "quick").touch()
    repair.complete_packages(ctx)
    assert vendor_packages(ctx)[NAME].installed
    assert commands(ctx) == []


def test_a_package_of_a_source_is_left_to_apt(tmp_path: Path) -> None:
    """What does not lie in the release apt fetches again, and removes nothing for it."""
    ctx = make_context(tmp_path, shell=Dpkg(tmp_path))
    status = tmp_path / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text("Package: zimbra-openssl\nStatus: install reinstreq half-installed\nVersion: 1\n")
    repair.complete_packages(ctx)
    (argv,) = commands(ctx)
    assert "apt-get" in argv
    assert argv[-2:] == ("--fix-broken", "install")
    assert "--no-remove" in argv
