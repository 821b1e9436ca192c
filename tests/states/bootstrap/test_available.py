"""The file that dpkg needs before it holds or removes a package; dpkg 1.19 itself needs it in test_checkpoints."""

from __future__ import annotations

from pathlib import Path

from states.bootstrap import available
from tests.states.bootstrap.ubuntu import make_tree
from tests.support import make_context


def test_an_ubuntu_without_the_file_gets_it(tmp_path: Path) -> None:
    """Whatever built the Ubuntu, also an earlier version; what dselect may have written there stays."""
    ctx = make_context(make_tree(tmp_path))
    assert available.probe(ctx) is None
    available.apply(ctx)
    assert available.probe(ctx) is not None
    assert (tmp_path / "var/lib/dpkg/available").read_bytes() == b""
    assert (tmp_path / "var/lib/dpkg/available").stat().st_mode & 0o777 == 0o644
