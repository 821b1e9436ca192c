"""A finished server's hardening in the real container: alerts that arrive, keys for new domains, drift by its names."""

from __future__ import annotations

import json
import shutil
import smtplib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.machine import Machine
from tests.e2e.looks import address, events, eventually, keep_still, newest, zimbra

pytestmark = [pytest.mark.container, pytest.mark.network]

ADMIN = "admin@example.test"
TUNED = {
    "zimbraHttpDosFilterDelayMillis": ("100", "-1"),
    "zimbraHttpDosFilterMaxRequestsPerSec": ("9999", "30"),
    "zimbraInvalidLoginFilterMaxFailedLogin": ("0", "10"),
    "zimbraInvalidLoginFilterDelayInMinBetwnReqBeforeReinstating": ("1", "15"),
    "zimbraInvalidLoginFilterReinstateIpTaskIntervalInMin": ("60", "5"),
    "zimbra_swatch_total_threshold": ("100000", "100"),
    "zimbra_swatch_acct_threshold": ("100000", "15"),
}
"""The predecessor's own tuning, and what zflow sets."""
DRIFT = {
    "zimbraMtaSmtpdRejectUnlistedRecipient": "no",
    "zimbraMtaSmtpdSenderRestrictions": "permit",
    "zimbraMtaSmtpdTlsCiphers": "low",
}
PINNED, BY_HAND = "zimbraMtaSmtpdRejectUnlistedSender", "no"


def mailbox(machine: Machine) -> Path:
    """Return the folder of the administrator's mail."""
    return machine.volume_path() / "opt/zimbra/store/mail" / ADMIN


@pytest.fixture(scope="module", autouse=True)
def left_as_found(finished: Machine) -> Iterator[None]:
    """Take away what was delivered: other tests compare this volume with another one."""
    had = mailbox(finished).exists()
    yield
    if not had:
        shutil.rmtree(mailbox(finished), ignore_errors=True)


def mails(machine: Machine) -> list[str]:
    """Return what was delivered to the administrator."""
    folder = mailbox(machine) / "new"
    return [path.read_text(errors="replace") for path in folder.glob("*")] if folder.exists() else []


def watcher(machine: Machine) -> str:
    """Return the process id of the login monitor, as the vendor's tool has it."""
    return Path(machine.volume_path() / "opt/zimbra/log/auditswatch.pid").read_text().strip()


def guess(machine: Machine, account: str, times: int) -> None:
    """Log in with wrong passwords, as an attacker does."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    for number in range(times):
        with smtplib.SMTP(address(machine), 587, "attacker.example.net", timeout=30) as session:
            session.starttls(context=trusting)
            session.ehlo()
            with pytest.raises(smtplib.SMTPAuthenticationError):
                session.login(account, f"wrong-{number}")


def test_failed_logins_are_written_about(finished: Machine) -> None:
    """Ten wrong passwords for one account reach the administrator as one mail that names account and address."""
    guess(finished, ADMIN, 10)
    assert eventually(lambda: any("ABUSE: Failed logins from" in mail for mail in mails(finished)))
    guess(finished, ADMIN, 2)
    (mail,) = [mail for mail in mails(finished) if "ABUSE: Failed logins from" in mail]
    assert f" to {ADMIN}" in mail


def test_a_test_alert_arrives(finished: Machine) -> None:
    """`zflow alert --test` ends as a mail in the administrator's mailbox."""
    said = finished.run("zflow", "alert", "--test")
    assert said.returncode == 0, said.stderr
    assert ADMIN in said.stdout
    assert eventually(lambda: any("ABUSE: Test of the alerts" in mail for mail in mails(finished)))


def test_a_dead_watcher_is_started_again(finished: Machine) -> None:
    """The watcher's end is noticed by itself, and a walk starts it the vendor's way."""
    dead, before = watcher(finished), newest(finished)
    finished.run("sh", "-c", f"kill -9 {int(dead)}", check=True)
    assert eventually(
        lambda: any(row["step"] == "hardening.watching" and row["kind"] == "done" for row in events(finished, before))
    )
    assert watcher(finished) != dead
    assert "zmauditswatch is running." in zimbra(finished, "zmauditswatchctl status")
    finished.must_serve(120)


def test_a_domain_added_later_gets_its_key_and_a_rotation_overlaps(finished: Machine) -> None:
    """A new domain has a key after the next thorough look; once rotated both records are printed."""
    zimbra(finished, "zmprov cd later.example")
    try:
        assert finished.run("zflow", "resume", timeout=300).returncode == 0
        first = finished.run("zflow", "dns", "later.example").stdout
        assert first.count("_domainkey.later.example. 3600 IN TXT") == 1
        assert finished.run("zflow", "dkim", "rotate", "later.example", "--yes").returncode == 0
        second = finished.run("zflow", "dns", "later.example").stdout
        assert second.count("_domainkey.later.example. 3600 IN TXT") == 2
        assert "; replaced; needed until " in second
        assert finished.run("zflow", "verify", timeout=300).returncode == 0
    finally:
        zimbra(finished, "zmprov dd later.example")
        finished.run("zflow", "resume", timeout=300)


def test_the_dns_check_has_an_answer_for_scripts(finished: Machine) -> None:
    """For a domain that the world does not have, the check ends with 1, and says so as data."""
    checked = finished.run("zflow", "dns", "--check", "--json", timeout=300)
    assert checked.returncode == 1
    assert {each["state"] for each in json.loads(checked.stdout)} <= {"missing", "unknown", "wrong", "right"}


@pytest.fixture
def pinned(finished: Machine) -> Iterator[None]:
    """Let the operator keep one attribute for himself, for as long as the test takes."""
    settings = finished.volume_path() / "app/settings.toml"
    settings.write_text(f'keep_attributes = "{PINNED}"\n')
    assert finished.run("zflow", "resume", timeout=300).returncode == 0
    zimbra(finished, f"zmprov mcf {PINNED} {BY_HAND}")
    yield
    settings.unlink()
    assert finished.run("zflow", "resume", timeout=300).returncode == 0


def put(machine: Machine, name: str, value: str) -> None:
    """Set something by hand."""
    tool = f"zmlocalconfig -e {name}={value}" if name.startswith("zimbra_") else f"zmprov mcf {name} {value}"
    zimbra(machine, tool)


@pytest.fixture
def tuned(finished: Machine) -> Iterator[None]:
    """Tune all that the predecessor's page tells how to, for as long as the test takes."""
    for name, (value, _) in TUNED.items():
        put(finished, name, value)
    yield
    for name, (_, former) in TUNED.items():
        put(finished, name, former)


def test_protections_are_named_and_restored_and_what_is_tuned_or_pinned_stays(
    finished: Machine, pinned: None, tuned: None
) -> None:
    """`verify` names each protection with both values, and whose the numbers are; `resume` restores the former."""
    keep_still(finished)
    for name, value in DRIFT.items():
        put(finished, name, value)
    told = finished.run("zflow", "verify", timeout=300)
    assert told.returncode == 1
    for name, value in DRIFT.items():
        assert f"{name} is {value}, not " in told.stdout
    assert f"{PINNED} is" not in told.stdout
    before = newest(finished)
    assert finished.run("zflow", "resume", timeout=600).returncode == 0
    (done,) = [row for row in events(finished, before) if row["step"] == "hardening.values" and row["kind"] == "done"]
    written = sorted(name for name in DRIFT if "Tls" not in name)
    assert done["evidence"].endswith(f"restored: {', '.join(written)}")
    assert zimbra(finished, f"zmprov gcf {PINNED}") == f"{PINNED}: {BY_HAND}\n"
    told = finished.run("zflow", "verify", timeout=300)
    assert told.returncode == 0
    for name, (value, former) in TUNED.items():
        assert f"{name} is {value}, not {former}: set by hand" in told.stdout


def test_no_private_key_is_on_record(finished: Machine) -> None:
    """Neither logs nor journal nor marks hold a DKIM key's private half, in whole or in part."""
    stored = json.loads((finished.volume_path() / "opt/zimbra/data/ldap/mdb/db/data.mdb").read_text())
    # The first lines hold the modulus, which is the public key as well; the exponent and the primes come after it.
    private = [line for each in stored.values() for key in each.get("DKIMKey", []) for line in key.splitlines()[10:20]]
    assert private
    for path in (finished.volume_path() / ".zflow").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(line.encode() in content for line in private), path
