"""Power cuts on a real ext4: what was acknowledged is there afterwards; and without the syncs it would not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.cut import apart

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/dev/loop-control").exists(), reason="needs loop devices"),
]


def test_what_was_acknowledged_survives_power_cuts() -> None:
    """No line of the journal and no content of what it calls done is lost, and the walk comes to its end."""
    findings = apart("tests.crash.power", "--cuts", "15")
    assert findings["cuts"] == 15
    assert findings["acknowledged"] > 50
    assert findings["lost"] == []


def test_a_protocol_without_syncs_is_found_out() -> None:
    """The cuts bite: left unsynced, bulk work that was acknowledged is gone."""
    assert any(
        "the content of one.bulk" in each for each in apart("tests.crash.power", "--cuts", "15", "--unsynced")["lost"]
    )


def test_an_unpacked_release_with_a_receipt_is_whole() -> None:
    """Wherever its unpacking is cut off, and whatever the kernel has written back by then."""
    found = apart("tests.crash.release")
    assert [each["moment"] for each in found if each["holds"]] == ["sync_folder", "remove_tree"]
    assert not any(each["broken"] for each in found if each["holds"])
