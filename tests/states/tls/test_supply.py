"""Reading what the operator supplies, and waiting for the other half of a renewal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from states import identity
from states.tls import check, codes, supply
from states.tls.settings import SETTINGS
from tests.states.tls.authority import HOST, inter, issue, leaf, rsa_key
from tests.states.tls.zimbra import lay
from tests.support import make_context
from zflow.api import Context, OperatorError

RENEWED = issue("renewed", inter(), key=rsa_key("renewed"))


class Waits(threading.Event):
    """An event nobody sets; each wait lets five seconds pass by the clock, and one thing happen."""

    def __init__(self, *happenings: Callable[[], object]) -> None:
        super().__init__()
        self.happenings = list(happenings)
        self.passed = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        self.passed += 5
        if self.happenings:
            self.happenings.pop(0)()
        return False

    def clock(self) -> float:
        """Return the time of this machine, and what has passed."""
        return time.time() + self.passed


def make(folder: Path, *happenings: Callable[[], object]) -> tuple[Context, Waits]:
    """Return a context in which these things happen while it is waited."""
    waits = Waits(*happenings)
    ctx = make_context(folder, (*SETTINGS, *identity.SETTINGS), {"ZFLOW_HOSTNAME": HOST})
    (folder / "app/tls").mkdir(parents=True, exist_ok=True)
    return replace(ctx, stopping=waits, clock=waits.clock), waits


def write(ctx: Context, name: str, content: bytes) -> None:
    """Write one of the two files."""
    (ctx.volume / "app/tls" / name).write_bytes(content)


def key_of_pair(ctx: Context) -> bytes:
    """Stand for all checks: return the key when it fits the certificate."""
    found = supply.read(ctx).material(ctx)
    if len(found.keys) != 1 or not found.certificates:
        raise OperatorError(codes.HALF_PAIR, "half")
    check.leaf_of(found.keys[0], found.certificates)
    return supply.public(found.keys[0])


@pytest.mark.parametrize("first", ["zimbra.key", "zimbra.crt"])
def test_the_other_half_is_waited_for(first: str, tmp_path: Path) -> None:
    """A renewal that writes one file, then cuts off and completes the other, is taken when it is whole."""
    new = {"zimbra.key": RENEWED.key_pem, "zimbra.crt": RENEWED.pem}
    (second,) = set(new) - {first}
    ctx, waits = make(
        tmp_path,
        lambda: write(ctx, second, new[second][:500]),
        lambda: write(ctx, second, new[second]),
    )
    lay(ctx, {"zimbra.key": leaf().key_pem, "zimbra.crt": leaf().pem})
    write(ctx, first, new[first])
    assert supply.settled(ctx, lambda: key_of_pair(ctx)) == supply.public(RENEWED.key)
    assert waits.happenings == []


def test_a_lasting_mismatch_is_refused(tmp_path: Path) -> None:
    """Once the files are quiet for a while, they are not waited for any longer."""
    ctx, waits = make(tmp_path)
    lay(ctx, {"zimbra.key": RENEWED.key_pem, "zimbra.crt": leaf().pem})
    for passed in (supply.SETTLE, supply.SETTLE):
        with pytest.raises(OperatorError) as caught:
            supply.settled(ctx, lambda: key_of_pair(ctx))
        assert caught.value.code is codes.MISMATCH
        assert waits.passed == passed


def test_other_errors_are_not_waited_for(tmp_path: Path) -> None:
    """A pair that belongs together and is wrong is refused at once."""
    ctx, waits = make(tmp_path)
    lay(ctx, {"zimbra.key": leaf().key_pem})

    def refuse() -> None:
        raise OperatorError(codes.NAME, "other name")

    with pytest.raises(OperatorError):
        supply.settled(ctx, refuse)
    assert waits.passed == 0


def test_files_from_the_future_are_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume whose clock is ahead of ours makes files look young; patience ends all the same."""
    ctx, _ = make(tmp_path)
    lay(ctx, {"zimbra.key": RENEWED.key_pem, "zimbra.crt": leaf().pem})
    monkeypatch.setattr(supply, "PATIENCE", 0.0)
    with pytest.raises(OperatorError):
        supply.settled(replace(ctx, clock=lambda: 0.0), lambda: key_of_pair(ctx))


def test_fingerprint_and_content_are_of_the_same_bytes(tmp_path: Path) -> None:
    """What is written after the reading is not in the material, and makes another fingerprint."""
    ctx, _ = make(tmp_path)
    lay(ctx, {"zimbra.key": leaf().key_pem, "zimbra.crt": leaf().pem})
    before = supply.read(ctx)
    lay(ctx, {"zimbra.key": RENEWED.key_pem, "zimbra.crt": RENEWED.pem})
    assert before.material(ctx).certificates == (leaf().certificate,)
    assert supply.read(ctx).source != before.source


def test_a_switched_link_is_young(tmp_path: Path) -> None:
    """A link that was set just now counts as a change, however old the file behind it is."""
    ctx, waits = make(tmp_path)
    lay(ctx, {"..2026/key": leaf().key_pem, "zimbra.key": Path("..2026/key")})
    waits.passed = supply.SETTLE + 5
    assert not supply._young(ctx)
    waits.passed = 0
    assert supply._young(ctx)
