"""The main job, on real parts: an empty volume walks to a serving server, and stays one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rehearsal.machine import Machine
from tests.e2e.looks import address

pytestmark = [pytest.mark.container, pytest.mark.network]

ORDER = ["bootstrap", "updates", "install", "firewall", "tls", "hardening"]
SCHEMA = json.loads((Path(__file__).parents[2] / "zflow/status/schema.json").read_text())


def history(machine: Machine) -> list[dict[str, Any]]:
    return [json.loads(line) for line in machine.run("zflow", "history", "--json").stdout.splitlines()]


def test_all_states_are_walked_in_order_and_valid(finished: Machine) -> None:
    """A first start enters every state once, in the order of the design, and ends serving."""
    assert finished.run("zflow", "status").returncode == 0
    assert finished.status()["state"] == "serving"
    assert [row["state"] for row in history(finished) if row["kind"] == "entered"][: len(ORDER)] == ORDER


def test_status_document_follows_its_schema(finished: Machine) -> None:
    """What `zflow status --json` prints is what the published schema says."""
    jsonschema.validate(finished.status(), SCHEMA)


def test_the_volume_holds_a_sound_ubuntu(finished: Machine) -> None:
    """`chroot` works, the suite is 18.04, dpkg finds nothing half-installed, and unattended-upgrade would run."""
    assert 'VERSION_ID="18.04"' in finished.run("chroot", "/data", "cat", "/etc/os-release").stdout
    audit = finished.run("chroot", "/data", "dpkg", "--audit")
    assert (audit.returncode, audit.stdout) == (0, "")
    dry_run = finished.run("chroot", "/data", "unattended-upgrade", "--dry-run", "-d", timeout=600)
    assert dry_run.returncode == 0, dry_run.stderr
    assert "-security" in dry_run.stdout


def test_the_standin_serves(finished: Machine) -> None:
    """The stand-in's own status command finds all services running, and says what it is."""
    status = finished.run("chroot", "/data", "su", "-", "zimbra", "-c", "zmcontrol status")
    assert status.returncode == 0, status.stdout
    assert "stand-in" in finished.run("chroot", "/data", "su", "-", "zimbra", "-c", "zmcontrol -v").stdout


def test_zimbra_packages_are_held(finished: Machine) -> None:
    """Unattended upgrades may not touch Zimbra's packages."""
    held = finished.run("chroot", "/data", "apt-mark", "showhold").stdout.split()
    assert {"zimbra-core", "zimbra-mta", "zimbra-proxy"} <= set(held)


def test_names_are_split_inside(finished: Machine) -> None:
    """Inside the chroot the server's name and its mail domain's MX lead to the container itself."""
    assert "nameserver 127.0.0.1" in finished.run("chroot", "/data", "cat", "/etc/resolv.conf").stdout
    found = finished.run("chroot", "/data", "getent", "ahostsv4", "mail.example.test").stdout
    assert address(finished) in found


def test_no_secret_is_seen_anywhere(finished: Machine) -> None:
    """No generated secret appears in the journal, logs, status, history, process list, container output or image."""
    volume = finished.volume_path()
    secrets = {path.name: path.read_text().strip() for path in (volume / ".zflow/secrets").iterdir()}
    assert len(secrets) >= 6
    assert len(set(secrets.values())) == len(secrets)
    places = {
        "output": finished.logs(),
        "status": finished.run("zflow", "status", "--json").stdout + finished.run("zflow", "status").stdout,
        "history": finished.run("zflow", "history", "--json").stdout,
        "processes": finished.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout,
        "image": finished.engine.run("inspect", finished.name).stdout,
    }
    folder = volume / ".zflow"
    for path in [*folder.glob("journal.sqlite3*"), *(folder / "logs").rglob("*.log"), *folder.glob("*.json")]:
        places[str(path.relative_to(volume))] = path.read_bytes().decode("latin-1")
    found = [(name, place) for name, value in secrets.items() for place, text in places.items() if value in text]
    assert found == []


def test_a_second_start_does_only_what_a_boot_needs(finished: Machine) -> None:
    """After a clean stop, the next start of a finished volume acts on boot-scoped steps only; the history says so."""
    before = max(row["seq"] for row in history(finished))
    finished.stop()
    assert finished.exit_code() == 0
    finished.start()
    finished.must_serve(600)
    scopes = {step["name"]: step["scope"] for step in finished.status()["steps"]}
    later = [row for row in history(finished) if row["seq"] > before and row["step"]]
    acted = {row["step"] for row in later if row["kind"] != "satisfied"}
    assert "install.services" in acted
    assert {step for step in acted if scopes[step] != "boot"} == set()
    status = finished.run("chroot", "/data", "su", "-", "zimbra", "-c", "zmcontrol status")
    assert status.returncode == 0, status.stdout


def test_a_deleted_artefact_is_noticed_and_repaired(finished: Machine) -> None:
    """`verify` names a step whose file is gone, `resume` brings it back, and nothing else is done again."""
    schedule = finished.volume_path() / "etc/cron.d/zflow-updates"
    content = schedule.read_text()
    schedule.unlink()
    noticed = finished.run("zflow", "verify", timeout=300)
    assert noticed.returncode == 1
    assert "updates.configured" in next(line for line in noticed.stdout.splitlines() if "LOST" in line)
    before = max(row["seq"] for row in history(finished))
    resumed = finished.run("zflow", "resume", timeout=600)
    assert resumed.returncode == 0, resumed.stdout
    assert schedule.read_text() == content
    acted = {row["step"] for row in history(finished) if row["seq"] > before and row["kind"] == "started"}
    assert acted == {"updates.configured"}
    assert finished.run("zflow", "verify", timeout=300).returncode == 0
