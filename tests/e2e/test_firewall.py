"""The firewall of a serving container: shown beside what it met, and put back when somebody takes it away."""

from __future__ import annotations

import pytest

from rehearsal.machine import Machine
from tests.e2e.looks import PATIENCE, address, events, eventually, newest, reached

pytestmark = [pytest.mark.container, pytest.mark.network]


def test_doctor_tells_what_can_be_reached_from_where(finished: Machine) -> None:
    """Without findings `doctor` ends with 0, and lists internal servers as reached by this machine only."""
    told = finished.run("zflow", "doctor", timeout=300)
    assert told.returncode == 0, told.stdout
    assert "No findings." in told.stdout
    reach = {line.split()[1].rpartition(":")[2]: line for line in told.stdout.splitlines() if line.startswith("tcp ")}
    assert reach["443"].endswith("everywhere")
    assert reach["389"].endswith("this machine only")
    assert reach["11211"].endswith("this machine only")


def test_show_counts_what_a_rule_met(finished: Machine) -> None:
    """A connection to a port that is not open is counted by the last rule, which `firewall show` prints."""

    def dropped() -> int:
        lines = finished.run("zflow", "firewall", "show").stdout.splitlines()
        return int(next(line for line in lines if " unopened " in line).split()[1])

    before = dropped()
    assert not reached(address(finished), 389, 0.5)
    assert dropped() > before
    assert finished.run("zflow", "firewall", "show").returncode == 0


@pytest.mark.parametrize(
    "change", [("delete", "table", "inet", "zflow"), ("add", "rule", "inet", "zflow", "input", "accept")]
)
def test_drift_is_repaired_in_place(finished: Machine, change: tuple[str, ...]) -> None:
    """A table taken away, or a rule added behind zflow's back, is noticed within seconds and put back by one load."""
    before = newest(finished)
    finished.run("nft", *change, check=True)
    assert eventually(lambda: finished.run("zflow", "firewall", "show").returncode == 0)
    finished.must_serve(PATIENCE)
    acted = [row["step"] for row in events(finished, before) if row["kind"] == "started"]
    assert acted == ["firewall.closed"]
    assert not reached(address(finished), 389, 0.5)
    assert reached(address(finished), 443)
