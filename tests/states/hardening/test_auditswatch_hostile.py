"""The watcher of the audit log against those who know that it is there: whatever they choose, they choose values."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.states.hardening.watcher import Watcher, failure

pytestmark = pytest.mark.slow

PAIR = "Failed logins from 192.0.2.7 to victim@example.test"
FORGED = "x] security - cmd=Auth;; account=innocent@example.test;; error=authentication failed for [x];; y"


@pytest.fixture
def watcher(tmp_path: Path) -> Watcher:
    """A place whose empty log has been seen once."""
    place = Watcher(tmp_path)
    place.begun()
    return place


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
def test_a_chosen_user_agent_neither_hides_nor_blames(watcher: Watcher, agent: str) -> None:
    """Brackets and semicolons in a value stay in it: the failure counts for the true address and account, no other."""
    lines = [failure(context=f"name=v;ip=10.0.0.2;oip=192.0.2.7;ua={agent};") for _ in range(3)]
    assert watcher.read(*lines) == [PAIR]


def test_a_chosen_account_neither_hides_nor_blames(watcher: Watcher) -> None:
    """An account that looks like the rest of a line is an account."""
    subjects = watcher.read(*(failure(FORGED) for _ in range(3)))
    assert len(subjects) == 1
    assert subjects[0].startswith("Failed logins from 192.0.2.7 to x]?security")


def test_a_forged_forwarding_header_does_not_divide_the_count(watcher: Watcher) -> None:
    """Addresses that the client put before its own do not make many of one."""
    lines = [failure(context=f"oip=198.51.100.{number}, 192.0.2.7;ua=x;") for number in range(3)]
    assert watcher.read(*lines) == [PAIR]


def test_rubbish(watcher: Watcher) -> None:
    """Zero bytes, broken encodings, controls and lines without end are passed over; what follows is read."""
    rubbish = "\0\udcff\udcfe\x1b[2J\r\n" * 100 + "security - cmd=Auth; " * 60_000 + "\n" + ";" * 200_000 + "\n"
    assert watcher.read(rubbish, *(failure() for _ in range(3))) == [PAIR]


def test_no_header_is_injected(watcher: Watcher) -> None:
    """Controls and foreign letters of an account become question marks, in one short line."""
    account = "a\rBcc: everybody@example.test\x0bÜ" + "x" * 5000
    watcher.read(*(failure(account) for _ in range(3)))
    (mail,) = watcher.mails()
    subject = next(line for line in mail.splitlines() if line.startswith("Subject:"))
    assert "a?bcc:?everybody@example.test???x" in subject
    assert len(subject) < 200
    assert mail.isascii()
    assert not any(line.lower().startswith("bcc:") for line in mail.splitlines())


def test_an_attack_with_many_names_is_bounded(tmp_path: Path) -> None:
    """Of tens of thousands of accounts the state keeps a bounded number, and those that failed most; mails too."""
    place = Watcher(tmp_path, total_threshold=1_000_000)
    place.begun()
    often = [failure() for _ in range(2)]
    names = [
        failure(f"n{number}@example.test", f"oip=10.{number >> 8 & 255}.{number & 255}.1;") for number in range(25_000)
    ]
    assert place.read(*often, *names, failure()) == [PAIR]
    counted = [line for line in place.state.read_text().splitlines() if line.startswith("count pair")]
    assert len(counted) <= 10_000
    storm = [failure(f"s{number}@example.test", f"oip=10.9.{number}.1;") for number in range(60) for _ in range(3)]
    subjects = place.read(*storm)
    assert len(subjects) == 26
    assert "Many more subjects of failed logins" in subjects


@pytest.mark.parametrize(
    ("recipient", "accepted"),
    [("admin@example.test", True), ("-oQ/tmp@example.test", False), ("a b@example.test", False), ("", False)],
)
def test_the_recipient_is_an_address(tmp_path: Path, recipient: str, accepted: bool) -> None:
    """A recipient that is no address, or would be an option of sendmail's, ends the program with a word about it."""
    place = Watcher(tmp_path)
    place.configure(3600, recipient)
    done = place.run("--test")
    assert (done.returncode == 0) == accepted
    assert accepted or b"names no recipient" in done.stderr


def test_one_test_message(tmp_path: Path) -> None:
    """`--test` sends one message that says what it is, and touches nothing else."""
    place = Watcher(tmp_path)
    assert place.run("--test").returncode == 0
    assert place.subjects() == ["Test of the alerts about failed logins"]
    assert not place.state.exists()
    (place.folder / "sendmail.broken").touch()
    assert place.run("--test").returncode == 1


@pytest.mark.parametrize("what", ["folder", "pipe"])
def test_something_else_in_the_logs_place(tmp_path: Path, what: str) -> None:
    """A folder or a pipe where the log should be neither ends nor blocks it."""
    place = Watcher(tmp_path)
    os.mkfifo(place.log) if what == "pipe" else place.log.mkdir()
    assert place.run().returncode == 0


def test_a_sendmail_that_hangs_is_ended(watcher: Watcher) -> None:
    """A sendmail that takes no message does not keep the watcher from reading and counting on."""
    watcher.sendmail.write_text("#!/bin/sh\nexec sleep 600\n")
    watcher.write(*(failure() for _ in range(12)))
    done = watcher.run("--mail-seconds=1", "--to-the-end")
    assert done.returncode == 0
    assert b"did not take a message" in done.stderr
