"""A line through each log of the server arrives: real Ubuntus, with their own rsyslogd, logrotate and cron."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from states.install import syslog
from states.ubuntu.settings import MIRROR
from states.ubuntu.suites import SUITES
from tests.chroot.machine import Memory, memory

SYSTEM = "cron,logrotate,rsyslog"
SERVERS = {"18.04": "8.8.15", "20.04": "9.0.0", "22.04": "10.1.0", "24.04": "10.1.0"}
"""The releases whose scripts differ: one that does not compile, one that does not know its Ubuntu, one that does."""
RULED = "24.04"
"""Where an operator's rule keeps lines away at the end: a notice, which stops nothing."""


@pytest.fixture(scope="module")
def held() -> Iterator[Memory]:
    """A file system in memory for all of them."""
    with memory() as found:
        yield found


@pytest.mark.root
@pytest.mark.network
@pytest.mark.parametrize("ubuntu", SERVERS)
def test_a_line_through_each_log(held: Memory, ubuntu: str) -> None:
    """After the install, after rotations, after zmfixperms, and after a restart; a walk at rest does nothing."""
    codename = SUITES[ubuntu].codename
    held.machine(codename, settings={})
    command = ["mmdebstrap", "--mode=root", "--variant=essential", "--format=directory", f"--include={SYSTEM}"]
    source = f"deb [trusted=yes] {MIRROR.default} {codename} main"
    built = subprocess.run(
        [*held.entering(), *command, codename, f"/mnt/{codename}/top/files", source],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr[-2000:]
    machine = held.machine(ubuntu, codename, settings={})
    machine.start(sys.executable, "-m", "tests.chroot.logs", SERVERS[ubuntu], ubuntu, f"/mnt/{ubuntu}/seen.json", RULED)
    assert machine.wait(200) == 0, machine.output()[-4000:]
    told = syslog.LOST.format("/var/log/zimbra.log")
    assert json.loads((machine.folder / "seen.json").read_text()) == {
        "the install": [],
        "rotations": [],
        "noticed": [True, False, False, True],
        "acted after a rotation": ["install.syslog"],
        "acted at rest": [],
        "zmfixperms and a rotation": [],
        "acted after hidden files": [],
        "acted after a change of the configuration": ["install.syslog"],
        "the operator's rules": [],
        "a restart": [],
        "looked": [["zimbra", "zimbra", "/opt/zimbra", "read /opt/zimbra zimbra"], []],
        "cron's mail": ["admin@example.test"],
        "told of cron": [],
        **({"one that did not read": [], "told of the logs": [told]} if ubuntu == RULED else {}),
    }
