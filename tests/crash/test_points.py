"""Every step of every state of the product, killed at every arrow of the protocol; here a share of the points."""

from __future__ import annotations

import pytest

from states.product import PRODUCT
from tests.crash.host import Host, Violation
from tests.crash.points import ARROWS, FATES, sweep


def test_a_share_of_the_points_is_survived() -> None:
    """Whichever way the process dies there, the next ones complete the walk, and nothing is lost or doubled."""
    counts = sweep(every=120, first=7)
    assert all(counts["points", str(fate)] >= 2 for fate in FATES)


@pytest.mark.slow
def test_every_arrow_and_every_state_is_met() -> None:
    """A fifth of the points has each arrow of the protocol and each state of the product among them."""
    counts = sweep(every=5)
    met = {each for each in counts if each[0] != "points"}
    assert {arrow for _, arrow in met} >= {*ARROWS}
    assert {state for state, _ in met} == {state.name for state in PRODUCT.states}


def test_a_power_cut_at_a_point_is_found_where_nothing_is_synced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep bites: over a machine that never syncs, an outcome tells of what a power cut would take."""
    monkeypatch.setattr(Host, "sync", lambda _self: None)
    with pytest.raises(Violation, match="a power cut would take"):
        sweep(every=50, first=50)
