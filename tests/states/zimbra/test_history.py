"""The vendor's history, and what it proves."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.standin.runtime import stages
from states.zimbra import history, proof
from states.zimbra.history import parse
from states.zimbra.releases import PACKAGES
from tests.states.install.records import STAGES, VERSION, session, write_history, write_proof
from tests.support import make_context
from zflow.api import Context

DONE = session(100, stages=STAGES)
LINES = st.sampled_from((DONE + session(200, word="UPGRADED")).splitlines(keepends=True))


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Return a context over an empty volume."""
    return make_context(tmp_path)


def test_one_session() -> None:
    """Packages with their versions, the stages, and both ends are read."""
    (found,) = parse(DONE)
    assert (found.start, found.complete, found.upgrade) == ("100", True, False)
    assert found.packages == dict.fromkeys(PACKAGES, VERSION)
    assert (found.stages, found.touched, found.configured) == (STAGES, True, True)


def test_stages_are_those_of_the_installer() -> None:
    """What counts as the whole are the stages that zmsetup.pl records; others, of other packages, do not count."""
    recorded = [name for name in stages.STAGES if name not in stages.UNRECORDED]
    assert ("BEGIN", *recorded, "END") == history.STAGES
    (found,) = parse(session(100, stages=("BEGIN", "configInstallCertImap", "configLCValues", "configLCValues")))
    assert found.passed == 2


@pytest.mark.parametrize("stages", [(), ("BEGIN", "configLCValues"), STAGES])
def test_patches_are_no_stage(stages: tuple[str, ...]) -> None:
    """What scripts of patches write, while install.sh runs or years later, touches no session and hides no end."""
    line = "150: CONFIGURED patch-8.8.15.p46\n"
    lines = session(100, stages=stages).splitlines(keepends=True)
    (found,) = parse("".join([*lines[:5], line, *lines[5:], line]))
    assert (found.complete, set(found.packages)) == (True, set(PACKAGES))
    assert (found.stages, found.touched, found.configured) == (stages, bool(stages), stages == STAGES)


def test_two_sessions() -> None:
    """A session that was cut off and the one after it are told apart; stages belong to the later."""
    cut, whole = parse(session(100, complete=False) + session(200, stages=STAGES[:2]))
    assert (cut.complete, cut.packages, cut.touched) == (False, {}, False)
    assert (whole.start, whole.complete, whole.stages, whole.configured) == ("200", True, STAGES[:2], False)


def test_upgrade() -> None:
    """Packages that were upgraded count as in, and make the session an upgrade."""
    found = parse(DONE + session(200, word="UPGRADED", version="8.8.15.GA.4179"))[-1]
    assert found.upgrade
    assert found.packages["zimbra-core"] == "8.8.15.GA.4179"


def test_every_torn_history() -> None:
    """A history cut off anywhere is read up to its last whole line."""
    whole = DONE + session(200, complete=False)
    for length in range(len(whole)):
        lines = whole[:length].splitlines(keepends=True)
        kept = "".join(line for line in lines if line.endswith("\n"))
        assert parse(whole[:length]) == parse(kept)
    assert not parse(DONE[:-1])[-1].configured


@given(st.one_of(st.text(), st.lists(LINES).map("".join), st.lists(st.one_of(LINES, st.text())).map("".join)))
def test_never_raises(content: str) -> None:
    """Whatever the file holds, sessions are found or not; there are never more than starts."""
    found = parse(content)
    assert len(found) <= content.count(history.START)


@pytest.mark.parametrize("torn", ["", "\0" * 40, "170: CONFIG SES" + "\0" * 20, "170: CONFIGURED conf"])
def test_an_end_that_was_not_synced_hides_nothing_behind_it(ctx: Context, torn: str) -> None:
    """After a power cut ext4 shows zeros, or half a line; what is appended next is read all the same."""
    write_history(ctx.volume, session(1), torn)
    history.repair(ctx)
    with (ctx.volume / history.HISTORY).open("a") as file:
        file.write(session(2))
    assert [each.start for each in history.sessions(ctx) if each.complete] == ["1", "2"]
    assert [each.start for each in parse(session(1) + "\0\0" + session(2))] == ["1", "2"]


def test_no_history(ctx: Context) -> None:
    """A volume without the file, and one whose file is no text, have no session."""
    assert history.last(ctx) is None
    write_history(ctx.volume)
    (ctx.volume / history.HISTORY).write_bytes(b"\xff\xfe\x00")
    assert history.sessions(ctx) == []


LATER: dict[str, tuple[str, bool]] = {
    "nothing": ("", True),
    "upgraded": (session(200, word="UPGRADED"), True),
    "upgraded and configured": (session(200, word="UPGRADED", stages=STAGES), True),
    "upgraded twice": (session(200, word="UPGRADED") + session(300, word="UPGRADED"), True),
    "begun": (session(200, complete=False), True),
    "installed anew": (session(200), False),
    "installed anew and configured": (session(200, stages=STAGES), False),
    "upgraded, then installed anew": (session(200, word="UPGRADED") + session(300), False),
}


@pytest.mark.parametrize("case", LATER)
def test_later_sessions(ctx: Context, case: str) -> None:
    """An upgrade, or an installer that got nowhere, leaves the proof standing; a new install is another server."""
    later, stands = LATER[case]
    write_history(ctx.volume, DONE, later)
    write_proof(ctx.volume, 100)
    found = proof.proven(ctx)
    assert (found is not None) == stands
    assert (proof.finished(ctx) is not None) == stands
    assert found is None or found.start == "100"


@pytest.mark.parametrize("what", [session(100), session(100, complete=False), session(100, stages=STAGES[:3]), ""])
def test_mark_alone_proves_nothing(ctx: Context, what: str) -> None:
    """A mark whose session is absent, incomplete or not configured proves nothing."""
    write_history(ctx.volume, what)
    write_proof(ctx.volume, 100)
    assert proof.proven(ctx) is None


def test_mark(ctx: Context) -> None:
    """A configured server is proven by the mark of its session and by no other."""
    write_history(ctx.volume, session(50, stages=STAGES[:2]), DONE)
    assert proof.proven(ctx) is None
    write_proof(ctx.volume, 50)
    assert proof.proven(ctx) is None
    proof.mark(ctx, parse(DONE)[0])
    assert proof.proven(ctx) == parse(DONE)[0]
    (ctx.volume / proof.MARK).write_text("")
    assert proof.proven(ctx) is None
