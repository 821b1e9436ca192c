"""A host of its own ends with the process that asked for it, however that ends, and leaves nothing on this machine."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.commands import run
from tests.e2e.looks import eventually

ROOT = Path(__file__).parents[2]
HOLD = """\
import sys, time
from rehearsal.spaces import free_network, host
net = free_network()
with host("", net) as (held, _):
    held.begin("sh -c 'sleep 321 & sleep 321'")
    print(net, held.first, flush=True)
    time.sleep(300 if sys.argv[1] == "wait" else 0)
"""


def links() -> str:
    """Return the network links of this machine."""
    return run("ip", "-brief", "link")


@pytest.mark.root
@pytest.mark.parametrize("killed", [True, False])
def test_nothing_is_left(killed: bool) -> None:
    """Killed in the midst or ended in order: no process, no link and no route is left."""
    argv = [sys.executable, "-c", HOLD, "wait" if killed else "end"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        net, first = holder.stdout.readline().split()
        if killed:
            assert f"zflow{net}" in links()
            holder.send_signal(signal.SIGKILL)
    assert eventually(lambda: not Path(f"/proc/{first}").exists(), 20)
    assert eventually(lambda: f"zflow{net}" not in links(), 20)
    assert f"10.{net}." not in run("ip", "route")
