"""A finished server gets a newer release: refused while it serves, killed on the way, and whole at the end."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rehearsal.machine import Machine
from rehearsal.standin.build import StandIn, build
from rehearsal.standin.runtime.upgrade import RESET
from states.hardening.senders import CHECK, TEMPLATE
from states.zimbra.releases import PACKAGES
from tests.e2e.conftest import MakeMachine
from tests.e2e.looks import address, events, eventually, newest, reached, zimbra
from tests.e2e.test_kills import events_of

pytestmark = [pytest.mark.container, pytest.mark.network]

SEED = int(os.environ.get("ZFLOW_TEST_SEED", "20261125"))
LINGER = {"upgrade.software": 14.0, "upgrade.setup": 6.0}
"""Seconds at most between the beginning of a step and the kill in it; a kill after the first falls into the second."""
KILLED_IN = ("upgrade.software", "upgrade.setup", "upgrade.setup")
PATIENCE = 180.0
VERSION = "9.0.0.GA.standin.UBUNTU18.64"
TUNED = "zimbraHttpDosFilterMaxRequestsPerSec"
ADMIN, ACCOUNT = "admin@example.test", "anna@example.test"


@pytest.fixture
def releases(tmp_path: Path) -> tuple[StandIn, StandIn]:
    """Two releases, one to begin with and one to upgrade to."""
    return two_releases(tmp_path)


def two_releases(folder: Path) -> tuple[StandIn, StandIn]:
    """Build two releases signed by one key; both archives lie in the folder of the older one."""
    keyring = folder / "keyring"
    keyring.mkdir(mode=0o700)
    older = build(folder / "older", keyring=keyring)
    newer = build(folder / "newer", release="9.0.0", keyring=keyring, behaviour={"slow": "0.2"})
    shutil.copy(newer.archive, older.archive.parent)
    return older, newer


@pytest.fixture
def server(make_machine: MakeMachine, releases: tuple[StandIn, StandIn]) -> Machine:
    """A finished server of the older release, with an account and a setting of its operator's own."""
    made = make_machine(release=releases[0])
    made.start()
    made.must_serve(900)
    prepare(made, releases)
    return made


def prepare(made: Machine, releases: tuple[StandIn, StandIn]) -> None:
    """Add an account and two settings of the operator's own, one of which the newer release resets; bring it there."""
    older, newer = releases
    zimbra(made, f"zmprov ca {ACCOUNT} a-long-password displayName Anna")
    zimbra(made, "zmprov mcf zimbraFileUploadMaxSize 20971520")
    zimbra(made, f"zmprov mcf {TUNED} 77")
    shutil.copytree(newer.repository, older.repository, dirs_exist_ok=True)


def directory(machine: Machine) -> dict[str, dict[str, list[str]]]:
    """Return the entries of the server's directory."""
    found: dict[str, dict[str, list[str]]] = json.loads(
        (machine.volume_path() / "opt/zimbra/data/ldap/mdb/db/data.mdb").read_text()
    )
    return found


def secrets(machine: Machine) -> dict[str, str]:
    """Return all that must not change: zflow's secrets, the local passwords, the accounts' ids and passwords."""
    volume = machine.volume_path()
    found = {str(path): path.read_text() for path in (volume / ".zflow/secrets").iterdir()}
    local = (volume / "opt/zimbra/conf/localconfig.xml").read_text()
    found |= dict(re.findall(r'<key name="(\w*password)">\s*<value>([^<]*)</value>', local))
    accounts = {key: entry for key, entry in directory(machine).items() if key.startswith("account/")}
    return found | {key: f"{entry['zimbraId']} {entry.get('userPassword')}" for key, entry in accounts.items()}


def order(machine: Machine, archive: str, sha256: str, release: str = "9.0", *more: str) -> tuple[int, str]:
    """Order an upgrade; return the exit code and all that was said."""
    words = ("--release", release, "--url", archive, "--sha256", sha256, "--yes", *more)
    done = machine.run("zflow", "upgrade", *words, timeout=900)
    return done.returncode, done.stdout + done.stderr


def started(machine: Machine, step: str, after: int) -> bool:
    """Tell, from outside, whether an attempt of a step has begun."""
    rows = [row for row in events_of(machine.volume_path()) if row["seq"] > after and row["step"] == step]
    return any(row["kind"] == "started" for row in rows)


def last_event(machine: Machine) -> int:
    """Return the number of the newest event."""
    return max(int(row["seq"]) for row in events_of(machine.volume_path()))


def kill_in(machine: Machine, step: str, seconds: float, before: int) -> int:
    """Kill the container so long after an attempt of a step has begun, later than an event, and start it again.

    Returns the newest event at its death: a look after the start could come later than the next step to kill in.
    """
    deadline = time.monotonic() + PATIENCE
    while not started(machine, step, before):
        assert time.monotonic() < deadline, machine.logs()[-4000:]
        time.sleep(0.05)
    time.sleep(seconds)
    machine.kill()
    newest_event = last_event(machine)
    machine.start()
    return newest_event


def done(rows: list[dict[str, Any]], step: str) -> list[str]:
    """Return the evidences of what a step brought about."""
    return [row["evidence"] for row in rows if row["step"] == step and row["kind"] in {"done", "recovered"}]


def refused_orders(server: Machine, older: StandIn, newer: StandIn) -> None:
    """Check that what cannot be upgraded to is told by its code while the old server serves, also after a restart."""
    place = f"/release/{newer.archive.name}"
    assert "ZF-7003" in server.run("zflow", "upgrade", "--release", "9.0", "--yes").stderr
    code, told = order(server, place.replace("UBUNTU18", "UBUNTU20"), newer.sha256)
    assert (code, "ZF-7003" in told, "UBUNTU20_64" in told) == (1, True, True)
    assert not (server.volume_path() / ".zflow/upgrade.json").exists()
    for archive, sha256, release, problem in (
        (place, "0" * 64, "9.0", "ZF-3005"),
        (f"/release/{older.archive.name}", older.sha256, "8.8.15", "ZF-7002"),
    ):
        code, told = order(server, archive, sha256, release)
        assert (code, server.status()["problem"]["code"]) == (1, problem), told
        assert reached(address(server), 443)
    server.stop()
    server.start()
    assert eventually(lambda: (server.status()["problem"] or {}).get("code") == "ZF-7002", 300)
    assert reached(address(server), 443)
    assert "8.8.15" in zimbra(server, "zmcontrol -v")
    assert server.run("zflow", "upgrade", "--withdraw", timeout=600).returncode == 0


def test_a_server_is_upgraded_through_kills_and_hardened_again(
    server: Machine, releases: tuple[StandIn, StandIn], record_property: Callable[[str, object], None]
) -> None:
    """After refusals and three kills: the newer release, the same accounts and secrets, all that was reset put back."""
    older, newer = releases
    refused_orders(server, older, newer)
    kept, before = secrets(server), newest(server)
    dice = random.Random(SEED)
    moments = [(step, round(dice.uniform(0, LINGER[step]), 2)) for step in KILLED_IN]
    record_property("kills", moments)
    at = last_event(server)
    code, told = order(server, f"/release/{newer.archive.name}", newer.sha256, "9.0", "--no-follow")
    assert code == 0, told
    for step, seconds in moments:
        at = kill_in(server, step, seconds, at)
    server.must_serve(900)
    rows = events(server, before)

    assert "Release 9.0.0." in zimbra(server, "zmcontrol -v")
    form = "${Package} ${db:Status-Abbrev} ${Version}\n"
    listed = server.run("chroot", "/data", "dpkg-query", "-W", "-f", form, "zimbra-*").stdout.splitlines()
    packages = dict(line.split(maxsplit=1) for line in listed)
    assert {value.split()[0] for value in packages.values()} == {"hi"}
    assert {packages[name].split()[1] for name in PACKAGES} == {VERSION}

    found = secrets(server)  # the vendor makes another account for the address book at each of its runs
    assert {name: found.get(name) for name in kept} == kept
    assert directory(server)["account/" + ACCOUNT]["displayName"] == ["Anna"]
    assert directory(server)["config"]["zimbraFileUploadMaxSize"] == ["20971520"]

    assert done(rows, "hardening.values")[-1].endswith(f"by hand: {TUNED} 77; restored: {', '.join(sorted(RESET))}")
    assert directory(server)["config"][TUNED] == ["77"]
    assert f"restored: {CHECK} in {TEMPLATE}" in done(rows, "hardening.senders")[-1]
    assert CHECK in (server.volume_path() / TEMPLATE.lstrip("/")).read_text().splitlines()
    assert done(rows, "upgrade.setup") == [f"upgraded to {VERSION} and read back"]

    assert not (server.volume_path() / ".zflow/upgrade.json").exists()
    assert not (server.volume_path() / "opt/zflow-release").exists()
    assert "Nothing is due" in server.run("zflow", "plan").stdout
    assert server.run("zflow", "verify", timeout=300).returncode == 0
    code, told = order(server, f"/release/{older.archive.name}", older.sha256, "8.8.15")
    assert (code, "ZF-7002" in told) == (1, True)
