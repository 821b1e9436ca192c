"""What /proc tells of processes, also of those that have ended."""

from __future__ import annotations

import os
import subprocess

from tests.engine.where import wait_for
from zflow.host import proc


def test_a_living_process_is_described() -> None:
    """Parent, start, words and owner are those it was started with, also with brackets and blanks in its name."""
    script = "import sys; open('/proc/self/comm', 'w').write('a) b ('); print(flush=True); sys.stdin.read()"
    argv = ["/usr/bin/python3", "-c", script, "", "two words"]
    with subprocess.Popen(argv, env={"TAG": "it"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        pid = process.pid
        assert pid in proc.pids()
        assert (proc.parent(pid), proc.user(pid), proc.name(pid)) == (os.getpid(), os.geteuid(), "a) b (")
        assert proc.arguments(pid) == argv
        assert "TAG=it" in proc.environment(pid)
        assert proc.start_time(pid) >= proc.start_time(os.getpid()) > 0
        assert proc.cgroup(pid) == proc.cgroup("self") != ""
        assert proc.namespace(pid, "pid") == proc.namespace("self", "pid") != 0
        assert not proc.is_zombie(pid)
        process.kill()
        wait_for(lambda: proc.is_zombie(pid), "the end")
        assert (proc.start_time(pid), proc.arguments(pid), proc.parent(pid)) == (0, [], os.getpid())


def test_of_a_process_that_is_gone_there_is_nothing() -> None:
    """Every question has an answer, for a process may end between two of them."""
    pid = 2**30
    assert (proc.parent(pid), proc.start_time(pid), proc.user(pid), proc.name(pid)) == (0, 0, None, "")
    assert (proc.arguments(pid), proc.environment(pid), proc.cgroup(pid)) == ([], [], "")
    assert (proc.namespace(pid, "pid"), proc.is_zombie(pid)) == (0, True)
