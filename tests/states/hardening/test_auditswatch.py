"""The login monitor, run for real on files: what it counts, when it writes, what it survives."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.states.hardening.monitor import NOON, Monitor, eventually, failure, spread

pytestmark = pytest.mark.slow

PAIR, ACCOUNT = "Failed logins from 192.0.2.7 to victim@example.test", "Failed logins to victim@example.test"
ADDRESS, TOTAL = "Failed logins from 192.0.2.7", "Failed logins on the whole server"
FUTURE = NOON + timedelta(days=365_000)
"""Counts as the present: a time that has not come is none."""


@pytest.fixture
def monitor(tmp_path: Path) -> Monitor:
    """A login monitor that has seen its empty log."""
    monitor = Monitor(tmp_path)
    monitor.begun()
    return monitor


@pytest.fixture
def living(tmp_path: Path) -> Iterator[tuple[Monitor, subprocess.Popen[bytes]]]:
    """A login monitor that runs until the end of the test."""
    monitor = Monitor(tmp_path)
    monitor.log.touch()
    process = monitor.start()
    yield monitor, process
    process.kill()
    process.communicate()


@pytest.mark.parametrize(
    ("context", "options"),
    [
        ("name=victim@example.test;ip=10.0.0.2;oip=192.0.2.7;ua=ZimbraWebClient;", {}),
        ("oip=192.0.2.7;ua=zclient/8.8.15;soapId=56847ec2;", {"error": "authentication failed for [{}]"}),
        ("ip=192.0.2.7;", {"protocol": "imap"}),
        ("ip=127.0.0.1;oip=192.0.2.7;via=127.0.0.1(nginx/1.20.0);ua=Zimbra/8.8.15;cid=7;", {"protocol": "pop3"}),
        ("name=victim@example.test;oip=192.0.2.7;oport=51288;oproto=smtp;", {}),
        ("ip=192.0.2.7;ua=ZimbraWebClient;", {"command": "AdminAuth"}),
        ("oip=198.51.100.1, 192.0.2.7;port=47834;", {"error": "authentication failed for [{}], account not found"}),
        ("name=x;oip=192.0.2.7;", {"account": "VICTIM@Example.TEST"}),
    ],
)
def test_forms(monitor: Monitor, context: str, options: dict[str, str]) -> None:
    """Web, IMAP, POP, SMTP and admin logins are counted by the address that came from outside, in any case."""
    assert monitor.read(*(failure(context=context, **options) for _ in range(3))) == [PAIR]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        failure().replace("; error=authentication failed for [victim@example.test], invalid password", ""),
        failure(error="permission denied: can not access account {}"),
        failure(command="ChangePassword"),
        failure().replace("security - ", "soap - "),
        failure().rstrip("\n").replace("] [", "]["),
        "\n",
        "2026-11-24 12:00:00,000 INFO  [main] [] misc - Starting up\n",
    ],
)
def test_no_failures(monitor: Monitor, line: str) -> None:
    """A line that is not a failed login, or not in the log's form, is not counted."""
    assert monitor.read(*[line] * 30) == []


def test_thresholds(monitor: Monitor) -> None:
    """Each of the four counts has its own threshold, and one failure less does not reach it."""
    assert monitor.read(*(failure() for _ in range(2))) == []
    assert monitor.read(failure()) == [PAIR]
    others = [failure(context=f"oip=198.51.100.{number};") for number in range(2)]
    assert monitor.read(*others) == [PAIR, ACCOUNT]
    assert monitor.read(*(failure(f"a{number}@example.test") for number in range(4))) == [ADDRESS, PAIR, ACCOUNT]
    rest = [failure(f"b{number}@example.test", f"oip=203.0.113.{number};") for number in range(11)]
    assert TOTAL in monitor.read(*rest)


def test_window(monitor: Monitor) -> None:
    """Failures further apart than the window do not add up; within it they do, wherever it begins."""
    assert monitor.read(*spread(3, 63)) == []
    assert monitor.read(*spread(4, 87, account="other@example.test")) == [
        "Failed logins from 192.0.2.7 to other@example.test"
    ]


def test_once_per_subject_and_window(monitor: Monitor) -> None:
    """However long an attack lasts, each subject causes one alert, which says what and how many."""
    assert monitor.read(*(failure() for _ in range(4))) == [PAIR]
    assert monitor.read(*(failure() for _ in range(15))) == [ADDRESS, PAIR, ACCOUNT]
    mail = next(each for each in monitor.mails() if f"ABUSE: {PAIR}\n" in each)
    assert mail.startswith("argv: -i -- admin@example.test\nTo: admin@example.test\n")
    assert "3 failed logins from 192.0.2.7 to victim@example.test within 60 minutes, the last at " in mail


def test_counts_survive_a_restart(monitor: Monitor) -> None:
    """Failures before and after a restart add up, none is counted twice, and nothing is written about again."""
    assert monitor.read(failure(), failure()) == []
    assert monitor.read() == []
    assert monitor.read(failure()) == [PAIR]
    assert monitor.read(failure(), failure()) == [PAIR, ACCOUNT]


def test_the_first_start_does_not_tell_of_the_past(tmp_path: Path) -> None:
    """A log that was there before the monitor is not gone through."""
    monitor = Monitor(tmp_path)
    monitor.write(*(failure() for _ in range(50)))
    assert monitor.read() == []
    assert monitor.read(*(failure() for _ in range(3))) == [PAIR]


@pytest.mark.parametrize("damage", [b"", b"read x y\nwindow\n\0\xff", b"count pair 1:1 \n" * 3, b"read 1 99999999\n"])
def test_a_damaged_state_is_left_behind(monitor: Monitor, damage: bytes) -> None:
    """Whatever the state holds, the monitor starts, and watches."""
    monitor.state.write_bytes(damage)
    monitor.read()
    assert PAIR in monitor.read(*(failure() for _ in range(3)))


def test_rotation_and_truncation_while_it_runs(living: tuple[Monitor, subprocess.Popen[bytes]]) -> None:
    """What is written around a rotation counts together, also the last words in the old file; so after a truncation."""
    monitor, _ = living
    monitor.write(failure())
    old = monitor.log.rename(monitor.folder / "audit.log.1")
    with old.open("a") as file:
        file.write(failure())
    monitor.write("of no interest\n" * 100, failure())
    assert eventually(lambda: monitor.subjects() == [PAIR])
    monitor.log.write_text("")
    monitor.write(failure(), failure())
    assert eventually(lambda: ACCOUNT in monitor.subjects())


def test_a_log_that_comes_later(tmp_path: Path) -> None:
    """Without a log it waits for one, and reads it from its start."""
    monitor = Monitor(tmp_path)
    process = monitor.start()
    try:
        monitor.write(*(failure() for _ in range(3)))
        assert eventually(lambda: monitor.subjects() == [PAIR])
    finally:
        process.kill()
        process.communicate()


def test_a_log_that_came_while_it_was_down(tmp_path: Path) -> None:
    """A log that did not exist when a monitor ended is read completely by the next one."""
    monitor = Monitor(tmp_path)
    assert monitor.run().returncode == 0
    assert monitor.read(*(failure() for _ in range(3))) == [PAIR]


def test_a_line_in_pieces(living: tuple[Monitor, subprocess.Popen[bytes]]) -> None:
    """A line that is written in two parts is one line."""
    monitor, _ = living
    monitor.write(failure(), failure(), failure()[:100])
    monitor.write(failure()[100:])
    assert eventually(lambda: monitor.subjects() == [PAIR])


def test_term_keeps_what_was_counted(living: tuple[Monitor, subprocess.Popen[bytes]]) -> None:
    """TERM ends it with 0 and a state; the next one continues from there."""
    monitor, process = living
    monitor.write(failure("early@example.test", "oip=192.0.2.9;"), *(failure() for _ in range(3)))
    assert eventually(lambda: monitor.subjects() == [PAIR])
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    again = [failure("early@example.test", "oip=192.0.2.9;", at=FUTURE) for _ in range(2)]
    assert monitor.read(*again) == [PAIR, "Failed logins from 192.0.2.9 to early@example.test"]


def test_a_kill_after_a_message_does_not_repeat_it(living: tuple[Monitor, subprocess.Popen[bytes]]) -> None:
    """The state is saved with each alert: killed and started again, it does not repeat an alert."""
    monitor, process = living
    monitor.write(*(failure() for _ in range(3)))
    assert eventually(lambda: monitor.subjects() == [PAIR] and "mailed" in monitor.state.read_text())
    process.kill()
    process.wait()
    assert monitor.read(failure()) == [PAIR]


def test_hup_reads_the_configuration_again(living: tuple[Monitor, subprocess.Popen[bytes]]) -> None:
    """After a reload the new recipient is written to; a configuration that cannot be read leaves the former one."""
    monitor, process = living
    monitor.config.write_text("nothing")
    process.send_signal(signal.SIGHUP)
    monitor.write(*(failure() for _ in range(3)))
    assert eventually(lambda: monitor.subjects() == [PAIR])
    monitor.configure(3600, "noc@example.test")
    process.send_signal(signal.SIGHUP)

    def written() -> bool:
        monitor.write(failure("x@example.test", "oip=192.0.2.66;"))
        return any("To: noc@example.test" in mail for mail in monitor.mails())

    assert eventually(written)


def test_a_message_that_could_not_be_sent_does_not_end_it(monitor: Monitor) -> None:
    """A failure of sendmail is printed, and the monitor continues."""
    (monitor.folder / "sendmail.broken").touch()
    monitor.write(*(failure() for _ in range(3)))
    done = monitor.run()
    assert done.returncode == 0
    assert b"did not take a message" in done.stderr


def test_time_is_the_lines_own_when_made_up_for(monitor: Monitor) -> None:
    """What was written while it was down counts at its own time; a time in the future is none."""
    late = [failure(at=FUTURE) for _ in range(2)]
    assert monitor.read(failure(at=NOON - timedelta(hours=5)), *late) == []
    assert monitor.read(*late) == [PAIR]
