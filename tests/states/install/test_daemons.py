"""The system log and cron inside: one whose number was lost is ended before another is started. Real processes."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from states.install.machine import logs, syslog
from states.updates import driver
from tests.states.install.inside import living
from tests.states.install.shells import Answering
from tests.support import make_context
from zflow.api import Step

pytestmark = pytest.mark.root
PATIENCE = 30
"""Seconds after which a process counts as one that was not ended."""


@dataclass(frozen=True)
class Daemon:
    """A daemon that a step starts: what it calls itself, and where it writes its number."""

    step: Step
    called: str
    number: Path


DAEMONS = (Daemon(driver.STEP, driver.CRON, driver.PID_FILE), Daemon(syslog.STEP, "rsyslogd", syslog.PID))


@pytest.mark.parametrize("daemon", DAEMONS, ids=lambda each: each.called)
def test_one_whose_number_was_lost_is_no_second_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, daemon: Daemon
) -> None:
    """Two of them would write each line, and do each job, twice."""
    for folder in ("etc", "dev", "run", "var/log"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/passwd").write_text(f"root:x:0:0::/root:/bin/sh\nsyslog:x:{os.getuid()}:0::/:\n")
    (tmp_path / "etc/group").write_text("adm:x:0:\n")
    (tmp_path / logs.CONFIG).write_text("")
    with ExitStack() as stack, socket.socket(socket.AF_UNIX) as log:
        monkeypatch.chdir(tmp_path)  # the name of a socket is short; unix(7)
        log.bind(str(syslog.SOCKET))
        lost = stack.enter_context(living(tmp_path, called=daemon.called))

        def start(argv: tuple[str, ...]) -> str:
            if argv[0] == "logger":
                (tmp_path / logs.ZIMBRA).write_text(argv[-1])
            if argv[0] != daemon.called:
                return ""
            started = stack.enter_context(living(tmp_path, called=daemon.called))
            (tmp_path / daemon.number).write_text(f"{started.pid}\n")
            return ""

        ctx = make_context(tmp_path, shell=Answering(tmp_path, start))
        assert daemon.step.probe(ctx) is None
        daemon.step.apply(ctx)
        assert daemon.step.probe(ctx) is not None
        assert lost.wait(PATIENCE) == -signal.SIGTERM
