"""The login monitor against attackers who know of it: whatever they choose is only a value."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.states.hardening.monitor import Monitor, failure

pytestmark = pytest.mark.slow

PAIR = "Failed logins from 192.0.2.7 to victim@example.test"
FORGED = "x] security - cmd=Auth;; account=innocent@example.test;; error=authentication failed for [x];; y"


@pytest.fixture
def monitor(tmp_path: Path) -> Monitor:
    """A login monitor that has seen its empty log."""
    monitor = Monitor(tmp_path)
    monitor.begun()
    return monitor


@pytest.mark.parametrize(
    "agent",
    [
        FORGED,
        "a;;oip=198.51.100.9;;b",
        "] security - cmd=none",
        "[" * 500 + "] [" * 500,
        "';; rm -rf / #",
        "a;;",
        ";;;;",
    ],
)
def test_a_chosen_user_agent_neither_hides_nor_blames(monitor: Monitor, agent: str) -> None:
    """Brackets and semicolons in a value stay in it: the failure counts for the true address and account, no other."""
    lines = [failure(context=f"name=v;ip=10.0.0.2;oip=192.0.2.7;ua={agent};") for _ in range(3)]
    assert monitor.read(*lines) == [PAIR]


def test_a_chosen_account_neither_hides_nor_blames(monitor: Monitor) -> None:
    """An account that looks like the rest of a line is an account."""
    subjects = monitor.read(*(failure(FORGED) for _ in range(3)))
    assert len(subjects) == 1
    assert subjects[0].startswith("Failed logins from 192.0.2.7 to x]?security")


def test_a_forged_forwarding_header_does_not_divide_the_count(monitor: Monitor) -> None:
    """Addresses that the client put before its own do not make many of one."""
    lines = [failure(context=f"oip=198.51.100.{number}, 192.0.2.7;ua=x;") for number in range(3)]
    assert monitor.read(*lines) == [PAIR]


def test_rubbish(monitor: Monitor) -> None:
    """Zero bytes, broken encodings, controls and lines without end are passed over; what follows is read."""
    rubbish = "\0\udcff\udcfe\x1b[2J\r\n" * 100 + "security - cmd=Auth; " * 60_000 + "\n" + ";" * 200_000 + "\n"
    assert monitor.read(rubbish, *(failure() for _ in range(3))) == [PAIR]


def test_no_header_is_injected(monitor: Monitor) -> None:
    """Controls and foreign letters of an account become question marks, in one short line."""
    account = "a\rBcc: everybody@example.test\x0bÜ" + "x" * 5000
    monitor.read(*(failure(account) for _ in range(3)))
    (mail,) = monitor.mails()
    subject = next(line for line in mail.splitlines() if line.startswith("Subject:"))
    assert "a?bcc:?everybody@example.test???x" in subject
    assert len(subject) < 200
    assert mail.isascii()
    assert not any(line.lower().startswith("bcc:") for line in mail.splitlines())


def test_an_attack_with_many_names_is_bounded(tmp_path: Path) -> None:
    """Of tens of thousands of accounts the state keeps a bounded number, and those that failed most; mails too."""
    monitor = Monitor(tmp_path, total_threshold=1_000_000)
    monitor.begun()
    often = [failure() for _ in range(2)]
    names = [
        failure(f"n{number}@example.test", f"oip=10.{number >> 8 & 255}.{number & 255}.1;") for number in range(25_000)
    ]
    assert monitor.read(*often, *names, failure()) == [PAIR]
    counted = [line for line in monitor.state.read_text().splitlines() if line.startswith("count pair")]
    assert len(counted) <= 10_000
    storm = [failure(f"s{number}@example.test", f"oip=10.9.{number}.1;") for number in range(60) for _ in range(3)]
    subjects = monitor.read(*storm)
    assert len(subjects) == 26
    assert "Failed logins of many more accounts or addresses" in subjects


@pytest.mark.parametrize(
    ("recipient", "accepted"),
    [("admin@example.test", True), ("-oQ/tmp@example.test", False), ("a b@example.test", False), ("", False)],
)
def test_the_recipient_is_an_address(tmp_path: Path, recipient: str, accepted: bool) -> None:
    """A recipient that is not an address, or would be an option of sendmail, ends the program with a message."""
    monitor = Monitor(tmp_path)
    monitor.configure(3600, recipient)
    done = monitor.run("--test")
    assert (done.returncode == 0) == accepted
    assert accepted or b"names no recipient" in done.stderr


def test_one_test_message(tmp_path: Path) -> None:
    """`--test` sends one message that says what it is, and touches nothing else."""
    monitor = Monitor(tmp_path)
    assert monitor.run("--test").returncode == 0
    assert monitor.subjects() == ["Test of the alerts about failed logins"]
    assert not monitor.state.exists()
    (monitor.folder / "sendmail.broken").touch()
    assert monitor.run("--test").returncode == 1


@pytest.mark.parametrize("what", ["folder", "pipe"])
def test_something_else_in_the_logs_place(tmp_path: Path, what: str) -> None:
    """A folder or a pipe where the log should be neither ends nor blocks it."""
    monitor = Monitor(tmp_path)
    os.mkfifo(monitor.log) if what == "pipe" else monitor.log.mkdir()
    assert monitor.run().returncode == 0


def test_a_sendmail_that_hangs_is_ended(monitor: Monitor) -> None:
    """A sendmail that takes no message does not keep the monitor from reading and counting on."""
    monitor.sendmail.write_text("#!/bin/sh\nexec sleep 600\n")
    monitor.write(*(failure() for _ in range(12)))
    done = monitor.run("--mail-seconds=1", "--to-the-end")
    assert done.returncode == 0
    assert b"did not take a message" in done.stderr
