"""A finished server in its daily life: drift, dead services and upgrades, noticed and put right."""

from __future__ import annotations

import json
import re
from functools import partial

import pytest

from rehearsal.engine import IMAGE, RUNTIME, podman
from rehearsal.machine import Machine
from rehearsal.standin import HERE as STANDIN
from tests.e2e.looks import PATIENCE, address, events, eventually, keep_still, newest, reached, zimbra

pytestmark = [pytest.mark.container, pytest.mark.network]

PROTECTION, TUNABLE = "zimbraMtaSmtpdRejectUnlistedSender", "zimbraHttpDosFilterMaxRequestsPerSec"
TEMPLATE = "opt/zimbra/conf/zmconfigd/smtpd_sender_restrictions.cf"
VENDORS = STANDIN / "packages/zimbra-mta/root" / TEMPLATE


def test_only_the_listed_ports_are_reached_from_outside(finished: Machine) -> None:
    """What the server listens on for itself does not answer outside, what is for the public does."""
    assert [port for port in (25, 80, 443, 587, 993, 7071) if not reached(address(finished), port)] == []
    assert [port for port in (389, 7306, 8080, 8443, 11211, 7025) if reached(address(finished), port)] == []


def test_drift_is_named_by_verify_and_restored_by_resume(finished: Machine) -> None:
    """A protection changed by hand is a finding of `verify`; `resume` writes the wanted value back, and only it."""
    keep_still(finished)
    zimbra(finished, f"zmprov mcf {PROTECTION} no")
    noticed = finished.run("zflow", "verify", timeout=300)
    assert noticed.returncode == 1
    assert [line.split()[0] for line in noticed.stdout.splitlines() if "LOST" in line] == ["hardening.values"]
    assert f"{PROTECTION} is no, not yes; ZFLOW_KEEP_ATTRIBUTES={PROTECTION} keeps it as it is" in noticed.stdout
    before = newest(finished)
    assert finished.run("zflow", "resume", timeout=300).returncode == 0
    assert f"{PROTECTION}: yes" in zimbra(finished, f"zmprov gcf {PROTECTION}")
    assert {row["step"] for row in events(finished, before) if row["kind"] == "started"} == {"hardening.values"}


def test_drift_of_a_stopped_server_is_restored_by_its_start(finished: Machine) -> None:
    """What was changed while nothing ran is seen by the first look after it, which is none of the thorough ones."""
    database, seen = finished.volume_path() / "opt/zimbra/data/ldap/mdb/db/data.mdb", newest(finished)
    finished.stop()
    entries = json.loads(database.read_text())
    entries["config"][PROTECTION] = ["no"]
    database.write_text(json.dumps(entries, indent=1))
    finished.start()
    finished.must_serve(600)
    assert f"{PROTECTION}: yes" in zimbra(finished, f"zmprov gcf {PROTECTION}")
    (lost,) = [row for row in events(finished, seen) if row["step"] == "hardening.values" and row["kind"] == "lost"]
    assert f"{PROTECTION} is no, not yes" in lost["detail"]


def resumed(machine: Machine) -> None:
    """Have everything looked at on the operator's word."""
    machine.run("zflow", "resume", timeout=300)


def hung_up(machine: Machine) -> None:
    """Have all inputs looked at again."""
    podman("kill", "--signal", "HUP", machine.name)


def paused_and_resumed(machine: Machine) -> None:
    """Begin and end a pause."""
    machine.run("zflow", "pause")
    resumed(machine)


def restarted(machine: Machine) -> None:
    """Start the container anew."""
    machine.stop()
    machine.start()


def walked(machine: Machine, after: int) -> bool:
    """Tell whether a walk has found all valid since an event."""
    return any(row["kind"] == "checked" for row in events(machine, after))


def test_a_tunable_stays_as_it_is_set_by_hand(finished: Machine) -> None:
    """A number that no setting names outlives every kind of walk, and `verify` says whose it is."""
    former = zimbra(finished, f"zmprov gcf {TUNABLE}").split(": ")[1].strip()
    zimbra(finished, f"zmprov mcf {TUNABLE} 99")
    try:
        for steer in (resumed, hung_up, paused_and_resumed, restarted):
            before = newest(finished)
            steer(finished)
            assert eventually(partial(walked, finished, before), 600)
            finished.must_serve(600)
            assert f"{TUNABLE}: 99" in zimbra(finished, f"zmprov gcf {TUNABLE}")
        told = finished.run("zflow", "verify", timeout=300)
        assert told.returncode == 0
        assert re.search(rf"hardening\.values +yours +{TUNABLE} is 99, not {former}: set by hand", told.stdout)
    finally:
        zimbra(finished, f"zmprov mcf {TUNABLE} {former}")


def test_a_dead_service_is_noticed_and_started_again(finished: Machine) -> None:
    """A service that ends is seen by the supervisor within its watch, and a walk starts it again."""
    before = newest(finished)
    finished.run("sh", "-c", "kill -9 $(cat /data/opt/zimbra/log/memcached.pid)", check=True)
    assert eventually(lambda: any(row["step"] == "install.services" for row in events(finished, before)))
    finished.must_serve(PATIENCE)
    assert "memcached               Running" in zimbra(finished, "zmcontrol status")


def test_an_upgrade_by_the_operator_makes_hardening_due_again(finished: Machine) -> None:
    """After a newer zimbra-core replaced the template, the next look restores it, and says that its inputs changed."""
    status = finished.volume_path() / "var/lib/dpkg/status"
    original = status.read_text()
    template = finished.volume_path() / TEMPLATE
    try:
        stanza = original.index("Package: zimbra-core\n")
        status.write_text(
            original[:stanza] + original[stanza:].replace("\nVersion: 8.8.15.", "\nVersion: 8.8.15.1.", 1)
        )
        template.write_text(VENDORS.read_text())
        before = newest(finished)
        podman("kill", "--signal", "HUP", finished.name)
        assert eventually(lambda: "reject_sender_login_mismatch" in template.read_text().splitlines())
        finished.must_serve(PATIENCE)
        again = {row["step"] for row in events(finished, before) if row["kind"] in {"started", "satisfied"}}
        assert {"hardening.senders", "hardening.values", "tls.profile"} <= again
    finally:
        status.write_text(original)
        finished.run("zflow", "resume", timeout=300)


def test_no_zombie_is_left(finished: Machine) -> None:
    """Orphans that ended are reaped: whoever is a zombie now is gone in a moment."""
    dead = zombies(finished)
    assert eventually(lambda: not dead & zombies(finished))


def zombies(machine: Machine) -> set[str]:
    """Return the numbers of the container's processes that ended and are not reaped yet."""
    shown = machine.run("chroot", "/data", "ps", "-e", "-o", "stat=,pid=", check=True).stdout
    return {line.split()[1] for line in shown.splitlines() if line.startswith("Z")}


def test_the_status_of_a_volume_whose_runner_is_gone(finished: Machine) -> None:
    """With the container stopped, another one that only looks says that no supervisor is running, with exit code 1."""
    finished.stop()
    try:
        looked = podman("run", "--rm", "--volume", f"{finished.name}:/data", *RUNTIME, IMAGE, "status", check=False)
        assert looked.returncode == 1
        assert "no supervisor is running on /data" in looked.stdout
        assert "Start the container" in looked.stdout
    finally:
        finished.start()
        finished.must_serve(600)
