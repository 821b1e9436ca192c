"""The system log and cron inside: one whose number was lost is ended before another is started. Real processes."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from states.install import syslog as syslog_step
from states.ubuntu import cron, logs, periodic
from states.updates import driver
from states.zimbra import syslog
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


DAEMONS = (Daemon(driver.STEP, cron.CRON, cron.PID_FILE), Daemon(syslog_step.STEP, "rsyslogd", syslog.PID))


@pytest.mark.parametrize("daemon", DAEMONS, ids=lambda each: each.called)
def test_one_whose_number_was_lost_is_no_second_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, daemon: Daemon
) -> None:
    """Two of them would write each line, and do each job, twice."""
    for folder in ("etc", "dev", "run/zflow", "var/log"):
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
                for log in (logs.ZIMBRA, logs.STATISTICS):
                    (tmp_path / log).write_text(argv[-1])
            if argv[0] != daemon.called:
                return ""
            started = stack.enter_context(living(tmp_path, called=daemon.called))
            (tmp_path / daemon.number).write_text(f"{started.pid}\n")
            (tmp_path / periodic.TRACE).touch()  # as cron's first job does
            return ""

        ctx = make_context(tmp_path, shell=Answering(tmp_path, start))
        assert daemon.step.probe(ctx) is None
        daemon.step.apply(ctx)
        assert daemon.step.probe(ctx) is not None
        assert lost.wait(PATIENCE) == -signal.SIGTERM


def test_a_log_that_is_no_file_of_its_own_or_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that the operator made a link stays one; of a line that comes in the end nothing is told any longer."""
    monkeypatch.setattr(logs, "PATIENCE", 0.1)
    for folder in ("etc", "dev", "run/zflow", "var/log"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/passwd").write_text("syslog:x:104:0::/:\n")
    (tmp_path / "etc/group").write_text("adm:x:4:\n")
    (tmp_path / logs.CONFIG).write_text(logs.OURS)
    (tmp_path / logs.STATISTICS).symlink_to("/elsewhere/zimbra-stats.log")
    sent = []
    with ExitStack() as stack, socket.socket(socket.AF_UNIX) as log:
        monkeypatch.chdir(tmp_path)
        log.bind(str(syslog.SOCKET))

        def answer(argv: tuple[str, ...]) -> str:
            if argv[0] == "rsyslogd":
                started = stack.enter_context(living(tmp_path, called="rsyslogd"))
                (tmp_path / syslog.PID).write_text(f"{started.pid}\n")
            if argv[0] == "logger":
                sent.append(argv[-1])
            return (tmp_path / logs.CONFIG).read_text() if argv[0] == "sh" else ""

        ctx = make_context(tmp_path, shell=Answering(tmp_path, answer))
        syslog.settle(ctx)
        assert (tmp_path / logs.STATISTICS).is_symlink()
        assert getattr(syslog_step.probe(ctx), "notices", None) == (syslog_step.LOST.format(f"/{logs.ZIMBRA}"),)
        with (tmp_path / logs.ZIMBRA).open("a") as file:
            file.writelines(sent)
        assert getattr(syslog_step.probe(ctx), "notices", None) == ()


def test_a_cron_that_does_no_job_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That it runs is not enough: its first job in a boot has to leave its trace, and the updates' job at its hours."""
    monkeypatch.setattr(driver, "PATIENCE", 0.1)
    rebooted = tmp_path / cron.REBOOTED
    rebooted.parent.mkdir()
    rebooted.touch()
    with ExitStack() as stack:

        def start(_argv: tuple[str, ...]) -> str:
            assert not rebooted.exists()
            started = stack.enter_context(living(tmp_path, called="cron"))
            (tmp_path / cron.PID_FILE).write_text(f"{started.pid}\n")
            return ""

        ctx = make_context(tmp_path, shell=Answering(tmp_path, start))
        driver.apply(ctx)
        (told,) = periodic.idle(ctx)
        assert told in str(driver.probe(ctx))
        (tmp_path / periodic.TRACE).touch()
        assert list(periodic.idle(ctx)) == []
        later = replace(ctx, clock=lambda: time.time() + periodic.IDLE.total_seconds() + 60)
        assert "no job since" in next(periodic.idle(later))
