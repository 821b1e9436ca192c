"""No secret of zflow's on a command line, which every user of the machine can read, during a configuration."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chroot.ground import Ground

pytestmark = [pytest.mark.root, pytest.mark.container, pytest.mark.network]

PROC = Path("/proc")
VENDORS = "zmsetup.pl"
"""It hands passwords to its own tools by their arguments (docs/zimbra.md §2.1), which zflow cannot help."""
MOMENT = 0.02
"""Seconds between two looks at all processes."""


def command(pid: int) -> str:
    """Return a process's command line; empty when it is gone."""
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def parents(pid: int) -> Iterator[int]:
    """Return a process and all that it descends from."""
    with contextlib.suppress(OSError):
        while pid:
            yield pid
            pid = int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])


def showing(secrets: list[str]) -> Iterator[tuple[str, bool]]:
    """Return the command lines that now hold one of these, and whether each is the vendor's doing."""
    for pid in [int(each.name) for each in PROC.iterdir() if each.name.isdigit()]:
        line = command(pid)
        if any(secret in line for secret in secrets):
            yield line, any(VENDORS in command(each) for each in parents(pid))


def test_no_secret_is_on_a_command_line_of_zflows(laid: Ground) -> None:
    """Of all processes of a configuration only those below the vendor's zmsetup.pl have a secret among their words."""
    machine = laid.machine("watched")
    secrets = list(laid.secrets().values())
    found: set[tuple[str, bool]] = set()
    machine.walk("install.setup")
    while machine.running():
        found.update(showing(secrets))
        time.sleep(MOMENT)
    assert machine.wait(1) == 0, machine.output()[-4000:]
    assert [line for line, vendors in found if not vendors] == []
    assert any("zmldapinit" in line for line, _ in found), "the vendor's own were not seen: nothing would have been"
    machine.remove()
