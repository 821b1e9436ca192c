"""The watcher of the audit log, run for real on files: what it counts, when it writes, what it survives."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.states.hardening.watcher import NOON, Watcher, eventually, failure, spread

pytestmark = pytest.mark.slow

PAIR, ACCOUNT = "Failed logins from 192.0.2.7 to victim@example.test", "Failed logins to victim@example.test"
ADDRESS, TOTAL = "Failed logins from 192.0.2.7", "Failed logins on the whole server"
FUTURE = NOON + timedelta(days=365_000)
"""Counts as the present: a time that has not come is none."""


@pytest.fixture
def watcher(tmp_path: Path) -> Watcher:
    """A place whose empty log has been seen once."""
    place = Watcher(tmp_path)
    place.begun()
    return place


@pytest.fixture
def living(tmp_path: Path) -> Iterator[tuple[Watcher, subprocess.Popen[bytes]]]:
    """A watcher that stays; it is ended with the test."""
    place = Watcher(tmp_path)
    place.log.touch()
    process = place.start()
    yield place, process
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
def test_forms(watcher: Watcher, context: str, options: dict[str, str]) -> None:
    """Web, IMAP, POP, SMTP and admin logins are counted by the address that came from outside, in any case."""
    assert watcher.read(*(failure(context=context, **options) for _ in range(3))) == [PAIR]  # type: ignore[arg-type]


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
def test_no_failures(watcher: Watcher, line: str) -> None:
    """What is no failed login, or no line of the log's form, is not counted."""
    assert watcher.read(*[line] * 30) == []


def test_thresholds(watcher: Watcher) -> None:
    """Each of the four counts has its own threshold, and one failure less does not reach it."""
    assert watcher.read(*(failure() for _ in range(2))) == []
    assert watcher.read(failure()) == [PAIR]
    others = [failure(context=f"oip=198.51.100.{number};") for number in range(2)]
    assert watcher.read(*others) == [PAIR, ACCOUNT]
    assert watcher.read(*(failure(f"a{number}@example.test") for number in range(4))) == [ADDRESS, PAIR, ACCOUNT]
    rest = [failure(f"b{number}@example.test", f"oip=203.0.113.{number};") for number in range(11)]
    assert TOTAL in watcher.read(*rest)


def test_window(watcher: Watcher) -> None:
    """Failures further apart than the window do not add up; within it they do, wherever it begins."""
    assert watcher.read(*spread(3, 63)) == []
    assert watcher.read(*spread(4, 87, account="other@example.test")) == [
        "Failed logins from 192.0.2.7 to other@example.test"
    ]


def test_once_per_subject_and_window(watcher: Watcher) -> None:
    """However long an attack goes on, each subject is written about once; the message says what and how many."""
    assert watcher.read(*(failure() for _ in range(4))) == [PAIR]
    assert watcher.read(*(failure() for _ in range(15))) == [ADDRESS, PAIR, ACCOUNT]
    mail = next(each for each in watcher.mails() if f"ABUSE: {PAIR}\n" in each)
    assert mail.startswith("argv: -i -- admin@example.test\nTo: admin@example.test\n")
    assert "3 failed logins from 192.0.2.7 to victim@example.test within 60 minutes, the last at " in mail


def test_counts_survive_a_restart(watcher: Watcher) -> None:
    """Failures before and after a restart add up, none is counted twice, and nothing is written about again."""
    assert watcher.read(failure(), failure()) == []
    assert watcher.read() == []
    assert watcher.read(failure()) == [PAIR]
    assert watcher.read(failure(), failure()) == [PAIR, ACCOUNT]


def test_the_first_start_does_not_tell_of_the_past(tmp_path: Path) -> None:
    """A log that was there before the watcher is not gone through."""
    place = Watcher(tmp_path)
    place.write(*(failure() for _ in range(50)))
    assert place.read() == []
    assert place.read(*(failure() for _ in range(3))) == [PAIR]


@pytest.mark.parametrize("damage", [b"", b"read x y\nwindow\n\0\xff", b"count pair 1:1 \n" * 3, b"read 1 99999999\n"])
def test_a_damaged_state_is_left_behind(watcher: Watcher, damage: bytes) -> None:
    """Whatever the state holds, the watcher starts, and watches."""
    watcher.state.write_bytes(damage)
    watcher.read()
    assert PAIR in watcher.read(*(failure() for _ in range(3)))


def test_rotation_and_truncation_while_it_runs(living: tuple[Watcher, subprocess.Popen[bytes]]) -> None:
    """What is written around a rotation counts together, also the last words in the old file; so after a truncation."""
    place, _ = living
    place.write(failure())
    old = place.log.rename(place.folder / "audit.log.1")
    with old.open("a") as file:
        file.write(failure())
    place.write("of no interest\n" * 100, failure())
    assert eventually(lambda: place.subjects() == [PAIR])
    place.log.write_text("")
    place.write(failure(), failure())
    assert eventually(lambda: ACCOUNT in place.subjects())


def test_a_log_that_comes_later(tmp_path: Path) -> None:
    """Without a log it waits for one, and reads it from its start."""
    place = Watcher(tmp_path)
    process = place.start()
    try:
        place.write(*(failure() for _ in range(3)))
        assert eventually(lambda: place.subjects() == [PAIR])
    finally:
        process.kill()
        process.communicate()


def test_a_log_that_came_while_it_was_down(tmp_path: Path) -> None:
    """A log that was not there when it ended is new as a whole to its successor."""
    place = Watcher(tmp_path)
    assert place.run().returncode == 0
    assert place.read(*(failure() for _ in range(3))) == [PAIR]


def test_a_line_in_pieces(living: tuple[Watcher, subprocess.Popen[bytes]]) -> None:
    """A line that is written in two parts is one line."""
    place, _ = living
    place.write(failure(), failure(), failure()[:100])
    place.write(failure()[100:])
    assert eventually(lambda: place.subjects() == [PAIR])


def test_term_keeps_what_was_counted(living: tuple[Watcher, subprocess.Popen[bytes]]) -> None:
    """TERM ends it with 0 and a state; its successor goes on from there."""
    place, process = living
    place.write(failure("early@example.test", "oip=192.0.2.9;"), *(failure() for _ in range(3)))
    assert eventually(lambda: place.subjects() == [PAIR])
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    again = [failure("early@example.test", "oip=192.0.2.9;", at=FUTURE) for _ in range(2)]
    assert place.read(*again) == [PAIR, "Failed logins from 192.0.2.9 to early@example.test"]


def test_a_kill_after_a_message_does_not_repeat_it(living: tuple[Watcher, subprocess.Popen[bytes]]) -> None:
    """The state is kept with each message: killed and started anew, it does not write about the same subject again."""
    place, process = living
    place.write(*(failure() for _ in range(3)))
    assert eventually(lambda: place.subjects() == [PAIR] and "mailed" in place.state.read_text())
    process.kill()
    process.wait()
    assert place.read(failure()) == [PAIR]


def test_hup_reads_the_configuration_again(living: tuple[Watcher, subprocess.Popen[bytes]]) -> None:
    """After a reload the new recipient is written to; a configuration that cannot be read leaves the former one."""
    place, process = living
    place.config.write_text("nothing")
    process.send_signal(signal.SIGHUP)
    place.write(*(failure() for _ in range(3)))
    assert eventually(lambda: place.subjects() == [PAIR])
    place.configure(3600, "noc@example.test")
    process.send_signal(signal.SIGHUP)

    def written() -> bool:
        place.write(failure("x@example.test", "oip=192.0.2.66;"))
        return any("To: noc@example.test" in mail for mail in place.mails())

    assert eventually(written)


def test_a_message_that_could_not_be_sent_does_not_end_it(watcher: Watcher) -> None:
    """A sendmail that fails is said so, and the watcher goes on."""
    (watcher.folder / "sendmail.broken").touch()
    watcher.write(*(failure() for _ in range(3)))
    done = watcher.run()
    assert done.returncode == 0
    assert b"did not take a message" in done.stderr


def test_time_is_the_lines_own_when_made_up_for(watcher: Watcher) -> None:
    """What was written while it was down counts at its own time; a time in the future is none."""
    late = [failure(at=FUTURE) for _ in range(2)]
    assert watcher.read(failure(at=NOON - timedelta(hours=5)), *late) == []
    assert watcher.read(*late) == [PAIR]
