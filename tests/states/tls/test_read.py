"""Reading what the operator supplies, and waiting for the other half of a renewal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from states import server
from states.tls import check, codes, pair, parse, read
from states.tls.read import Supplied
from states.tls.settings import SETTINGS
from tests.states.tls.authority import HOST, NOW, inter, issue, leaf, rsa_key
from tests.states.tls.zimbra import lay, make_host, walk
from tests.support import make_context
from zflow.api import Context, OperatorError
from zflow.supervise.inputs import signature

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
    ctx = make_context(folder, (*SETTINGS, *server.SETTINGS), {"ZFLOW_HOSTNAME": HOST})
    (folder / "app/tls").mkdir(parents=True, exist_ok=True)
    return replace(ctx, stopping=waits, clock=waits.clock), waits


def write(ctx: Context, name: str, content: bytes) -> None:
    """Write one of the two files."""
    (ctx.volume / "app/tls" / name).write_bytes(content)


def key_of_pair(supplied: Supplied) -> bytes:
    """Stand for all checks: return the key when it fits the certificate."""
    found = parse.gather(read.readable(supplied.contents), None)
    if len(found.keys) != 1 or not found.certificates:
        raise OperatorError(codes.HALF_PAIR, "half")
    check.leaves_of(found.keys[0], found.certificates, (HOST,), NOW)
    return parse.public(found.keys[0])


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
    assert read.settled(ctx, key_of_pair)[1] == parse.public(RENEWED.key)
    assert waits.happenings == []


def test_a_key_that_cannot_be_opened_yet_is_waited_for(tmp_path: Path) -> None:
    """A renewal that writes the key encrypted, and decrypts it a moment later, is taken."""
    ctx, waits = make(tmp_path, lambda: write(ctx, "zimbra.key", RENEWED.key_pem))
    lay(ctx, {"zimbra.key": RENEWED.encrypted_key, "zimbra.crt": RENEWED.pem})
    assert read.settled(ctx, key_of_pair)[1] == parse.public(RENEWED.key)
    assert waits.happenings == []


def test_a_lasting_mismatch_is_refused(tmp_path: Path) -> None:
    """Once the files are quiet for a while, they are not waited for any longer."""
    ctx, waits = make(tmp_path)
    lay(ctx, {"zimbra.key": RENEWED.key_pem, "zimbra.crt": leaf().pem})
    for passed in (read.SETTLE, read.SETTLE):
        with pytest.raises(OperatorError) as caught:
            read.settled(ctx, key_of_pair)
        assert caught.value.code is codes.MISMATCH
        assert waits.passed == passed


def test_other_errors_are_not_waited_for(tmp_path: Path) -> None:
    """A pair that belongs together and is wrong is refused at once."""
    ctx, waits = make(tmp_path)
    lay(ctx, {"zimbra.key": leaf().key_pem})

    def refuse(_supplied: Supplied) -> None:
        raise OperatorError(codes.NAME, "other name")

    with pytest.raises(OperatorError):
        read.settled(ctx, refuse)
    assert waits.passed == 0


def test_the_checks_are_made_again_for_other_files_alone(tmp_path: Path) -> None:
    """While zflow waits nothing is checked again, and no server is asked, until a file changes."""
    ctx, _ = make(tmp_path)
    lay(ctx, {"zimbra.key": RENEWED.key_pem, "zimbra.crt": leaf().pem})
    asked = []

    def count(supplied: Supplied) -> None:
        asked.append(supplied.source)
        raise OperatorError(codes.INCOMPLETE, "no issuer")

    with pytest.raises(OperatorError):
        read.settled(ctx, count)
    assert len(asked) == 1


def test_files_from_the_future_are_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume whose clock is ahead of ours makes files look young; patience ends all the same."""
    ctx, _ = make(tmp_path)
    lay(ctx, {"zimbra.key": RENEWED.key_pem, "zimbra.crt": leaf().pem})
    monkeypatch.setattr(read, "PATIENCE", 0.0)
    with pytest.raises(OperatorError):
        read.settled(replace(ctx, clock=lambda: 0.0), key_of_pair)


def test_fingerprint_and_content_are_of_the_same_bytes(tmp_path: Path) -> None:
    """What is written after the reading is not in the material, and makes another fingerprint."""
    ctx, _ = make(tmp_path)
    lay(ctx, {"zimbra.key": leaf().key_pem, "zimbra.crt": leaf().pem})
    before = read.read(ctx)
    lay(ctx, {"zimbra.key": RENEWED.key_pem, "zimbra.crt": RENEWED.pem})
    assert parse.gather(read.readable(before.contents), None).certificates == (leaf().certificate,)
    assert read.read(ctx).source != before.source


def test_a_switched_link_is_young(tmp_path: Path) -> None:
    """A link that was set just now counts as a change, however old the file behind it is."""
    ctx, waits = make(tmp_path)
    lay(ctx, {"..2026/key": leaf().key_pem, "zimbra.key": Path("..2026/key")})
    waits.passed = read.SETTLE + 5
    assert not read._young(ctx)
    waits.passed = 0
    assert read._young(ctx)


@pytest.mark.parametrize("setting", ["ZFLOW_TLS_KEY", "ZFLOW_TLS_CERT"])
def test_a_named_file_must_be_there(setting: str, tmp_path: Path) -> None:
    """A typing error, or live/ mounted without archive/, is an error, not "nothing supplied"."""
    ctx, _ = make(tmp_path)
    assert read.read(ctx).contents == {}
    named = make_context(
        tmp_path, (*SETTINGS, *server.SETTINGS), {"ZFLOW_HOSTNAME": HOST, setting: str(tmp_path / "live/tls.pem")}
    )
    for there in ("nothing", "the folder", "the link"):
        if there == "the folder":
            (tmp_path / "live").mkdir()
        if there == "the link":
            (tmp_path / "live/tls.pem").symlink_to("../archive/tls.pem")
        found = read.read(named)
        assert found.source != read.SELF_SIGNED
        with pytest.raises(OperatorError) as caught:
            read.readable(found.contents)
        assert caught.value.code is codes.MISSING
    lay(ctx, {"zimbra.key": Path("../archive/privkey.pem")})
    with pytest.raises(OperatorError):
        read.readable(read.read(ctx).contents)


def test_a_single_file_that_was_replaced_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The container goes on seeing the file of before: the pair stands, its key changes, and a notice says so."""
    ctx, _ = make_host(tmp_path, monkeypatch)
    lay(ctx, {"zimbra.key": leaf().key_pem, "zimbra.crt": leaf().pem + inter().pem})
    walk(ctx)
    before, evidence = pair.inputs(ctx), pair.probe(ctx)
    assert evidence is not None
    assert evidence.notices == ()
    place = ctx.volume / "app/tls/zimbra.crt"
    with place.open() as file:
        content = place.read_bytes()
        place.unlink()
        held = Path(f"/proc/self/fd/{file.fileno()}")
        assert read.replaced(held)
        assert signature([str(held)]).endswith(".removed")
    place.write_bytes(content)
    monkeypatch.setattr(read, "replaced", lambda path: path == place)
    assert pair.inputs(ctx) != before
    evidence = pair.probe(ctx)
    assert evidence is not None
    assert [str(place) in each for each in evidence.notices] == [True]
