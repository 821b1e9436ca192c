"""The journal: append-only, chained, restored whole, one commit a record, and equal to what the light reader sees."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.engine.toy import Bench
from zflow import codes
from zflow.errors import OperatorError
from zflow.journal import event, reader, seal
from zflow.journal.layout import journal_file
from zflow.journal.record import VIEWED, Record, fold, of_row
from zflow.journal.writer import Journal, Listed, Position
from zflow.terminal.plain import plain

STEPS = [Listed(f"one.{name}", "one", f"make {name}", "volume", 1.0) for name in "abc"]


@contextmanager
def opened(volume: Path, boot: str = "boot-1") -> Iterator[Journal]:
    """Open and restore the journal of a volume as one process would."""
    (volume / ".zflow").mkdir(mode=0o700, exist_ok=True)
    with closing(Bench(volume, boot).journal()) as journal:
        journal.restore(STEPS)
        yield journal


def fill(volume: Path, count: int = 4) -> None:
    """Record so many events, each in a commit of its own."""
    with opened(volume) as journal:
        for number in range(1, count + 1):
            journal.record([event.Event("started", "one", "one.a", number)])


def tamper(volume: Path, *statements: str) -> None:
    """Change the journal as somebody with the file and without our triggers would; they are there again afterwards."""
    with closing(sqlite3.connect(journal_file(volume))) as raw, raw:
        found = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'event'")
        triggers: dict[str, str] = dict(found.fetchall())
        for statement in (*(f"DROP TRIGGER {name}" for name in triggers), *statements, *triggers.values()):
            raw.execute(statement)


@pytest.mark.parametrize(
    "statement", ["UPDATE event SET detail = 'x' WHERE seq = 2", "DELETE FROM event WHERE seq = 2"]
)
def test_events_cannot_be_changed_or_deleted(tmp_path: Path, statement: str) -> None:
    """SQLite itself refuses to change or delete what was recorded."""
    fill(tmp_path)
    with (
        closing(sqlite3.connect(journal_file(tmp_path))) as raw,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        raw.execute(statement)
    assert len(Bench(tmp_path).events()) == 4


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE event SET detail = 'x' WHERE seq = 2", 2),
        ("UPDATE event SET duration = 1.5 WHERE seq = 1", 1),
        ("DELETE FROM event WHERE seq = 3", 4),
        ("UPDATE event SET hash = 'x' WHERE seq = 4", 4),
        ("UPDATE event SET seq = 7 WHERE seq = 4", 7),
    ],
)
def test_a_changed_or_missing_event_breaks_the_chain(tmp_path: Path, statement: str, broken: int) -> None:
    """The first event that does not follow from the one before it is named."""
    fill(tmp_path)
    assert Bench(tmp_path).broken_link() is None
    tamper(tmp_path, statement)
    assert Bench(tmp_path).broken_link() == broken


@pytest.mark.parametrize(
    "statement", ["DELETE FROM seal", "UPDATE seal SET hash = '00000000'", "DELETE FROM event WHERE seq = 4"]
)
def test_a_seal_that_is_gone_or_does_not_fit_is_damage(tmp_path: Path, statement: str) -> None:
    """Without its row nothing vouches for the last commit: neither reader nor writer takes that for a journal."""
    fill(tmp_path)
    tamper(tmp_path, statement)
    with pytest.raises(OperatorError) as unreadable, reader.reading(tmp_path):
        pass
    with pytest.raises(OperatorError) as refused:
        Bench(tmp_path).journal()
    assert unreadable.value.code is refused.value.code is codes.JOURNAL_DAMAGED


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE workflow SET state = 'failed'",
        "UPDATE workflow SET next_try = 1",
        "DELETE FROM workflow",
        "UPDATE step SET weight = 9 WHERE name = 'one.a'",
        "DELETE FROM step WHERE name = 'one.b'",
        "UPDATE past SET pruned = 1",
        "DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)",
        "DROP TRIGGER event_stays",
        "CREATE INDEX more ON event (step)",
    ],
)
def test_the_seal_covers_what_the_chain_does_not(tmp_path: Path, statement: str) -> None:
    """The workflow row, the list of steps, the sum of what was pruned, the last event, and the schema."""
    with opened(tmp_path) as journal:
        journal.record([event.Event("begun")], Position("one", "one"))
        journal.record([event.Event("ended")])
    with reader.reading(tmp_path) as light:
        assert seal.wrong(light) is None
    if "event_stays" in statement:
        with closing(sqlite3.connect(journal_file(tmp_path))) as raw, raw:
            raw.execute(statement)
    else:
        tamper(tmp_path, statement)
    with reader.reading(tmp_path, unsealed=True) as light:
        assert seal.wrong(light) == seal.UNSEALED


@pytest.mark.parametrize(("changed", "seen"), [(2, False), (5, True)])
def test_of_a_long_past_the_newest_events_are_checked(tmp_path: Path, changed: int, seen: bool) -> None:
    """Before a walk only so many: they follow from the one before them, whatever became of those further back."""
    fill(tmp_path, 6)
    with reader.reading(tmp_path) as light:
        assert seal.wrong(light, 3) is None
    tamper(tmp_path, f"UPDATE event SET detail = 'x' WHERE seq = {changed}")
    with reader.reading(tmp_path, unsealed=True) as light:
        assert (seal.wrong(light, 3) is not None) is seen
        assert seal.wrong(light) is not None


def test_the_chain_goes_on_over_restarts(tmp_path: Path) -> None:
    """A process that opens an old journal appends to its chain."""
    for _ in range(3):
        fill(tmp_path, 2)
    assert [row["seq"] for row in Bench(tmp_path).events()] == [1, 2, 3, 4, 5, 6]
    assert Bench(tmp_path).broken_link() is None


def test_the_position_is_restored_with_what_stopped_the_walk(tmp_path: Path) -> None:
    """A later process finds the state, the place and the problem as they were recorded."""
    stopped = Position("failed", "one", "one.b", "ZF-1010", "it broke", "mend it", 1_800_000_000.5)
    with opened(tmp_path) as journal:
        assert journal.position is None
        journal.record([event.Event("ended")], stopped)
    with opened(tmp_path) as journal:
        assert journal.position == stopped


def test_one_record_is_one_commit(tmp_path: Path) -> None:
    """Several events and the move of the workflow row become durable together: one frame set, one sync."""
    with opened(tmp_path) as journal:
        statements: list[str] = []
        raw = journal._connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.set_trace_callback(statements.append)
        journal.record([event.Event("begun"), event.Event("started", "one", "one.a", 1)], Position("one", "one"))
        raw.set_trace_callback(None)
    assert [each for each in statements if each.startswith(("BEGIN", "COMMIT", "ROLLBACK"))] == [
        "BEGIN IMMEDIATE",
        "COMMIT",
    ]


def test_an_event_may_hold_any_text(tmp_path: Path) -> None:
    """A name that is no UTF-8, such as a stranger's file, is recorded readably and breaks nothing."""
    with opened(tmp_path) as journal:
        journal.record([event.Event("blocked", "one", "one.a", detail="caf\udce9 ☕\0\n'")])
    assert Bench(tmp_path).events()[0]["detail"] == "caf\\udce9 ☕\\x00\n'"
    assert Bench(tmp_path).broken_link() is None


def test_steps_that_are_no_more_leave_the_list_and_stay_in_history(tmp_path: Path) -> None:
    """A later image's list of steps replaces the older one, while the events of a removed step remain."""
    fill(tmp_path, 1)
    with closing(Bench(tmp_path).journal()) as journal:
        journal.restore([Listed("two.x", "two", "make x", "boot", 2.0)])
        assert journal.step("one.a") == Record()
    with reader.reading(tmp_path) as light:
        assert [row["name"] for row in reader.steps(light)] == ["two.x"]
    assert Bench(tmp_path).kinds("one.a") == ["started"]


KINDS = sorted(set(get_args(event.Kind)) - {"begun", "ended", "entered", "checked"})
TEXTS = st.one_of(st.none(), st.text(max_size=20))
SOME = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(KINDS),
        "step": st.sampled_from([each.name for each in STEPS]),
        "attempt": st.one_of(st.none(), st.integers(1, 9)),
        "key": TEXTS,
        "evidence": TEXTS,
        "detail": TEXTS,
        "code": st.sampled_from([None, "ZF-1010", "ZF-1022"]),
        "next_try": st.one_of(st.none(), st.floats(0, 2e9)),
        "duration": st.one_of(st.none(), st.floats(0, 1e6)),
    }
)


def consistent(batches: list[list[dict[str, Any]]]) -> list[list[event.Event]]:
    """Return events whose attempts only grow, as the protocol numbers them."""
    highest: dict[str, int] = {}
    made: list[list[event.Event]] = []
    for batch in batches:
        made.append([])
        for fields in batch:
            if fields["attempt"] is not None:
                fields["attempt"] = highest[fields["step"]] = max(highest.get(fields["step"], 0), fields["attempt"])
            made[-1].append(event.Event(state="one", **fields))
    return made


def whole_history(journal: Journal, step: str) -> Record:
    """Return what all events of a step mean, from the first to the last."""
    columns = "at, boot, kind, state, step, attempt, key, evidence, code, class, detail, next_try, duration"
    found = seal.rows(journal._raw, f"SELECT {columns} FROM event WHERE step = ? ORDER BY seq", step)
    return fold((event.Event(*values), at, boot) for at, boot, *values in found)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.generate],  # to make a failing history small takes minutes
)
@given(batches=st.lists(st.lists(SOME, min_size=1, max_size=4), max_size=5))
def test_restored_records_equal_the_ones_kept_while_writing(
    tmp_path: Path, empty_journal: bytes, batches: list[list[dict[str, Any]]]
) -> None:
    """Of any history a later process, the view and the one function that folds all events know what the writer knew."""
    with TemporaryDirectory(dir=tmp_path) as folder:
        volume = Path(folder)
        (volume / ".zflow").mkdir()
        journal_file(volume).write_bytes(empty_journal)
        made = consistent(batches)
        with opened(volume) as journal:
            for batch in made:
                journal.record(batch)
            before = [journal.step(each.name) for each in STEPS]
        with opened(volume, "boot-2") as journal:
            after = [journal.step(each.name) for each in STEPS]
            assert after == [whole_history(journal, each.name) for each in STEPS]
        assert after == before
        with reader.reading(volume) as light:
            rows = reader.steps(light)
            history = reader.events(light)
            assert seal.broken_link(light) is None
        flat = [each for batch in made for each in batch]
        assert [(row["kind"], row["step"], row["detail"], row["next_try"]) for row in history] == [
            (each.kind, each.step, plain(each.detail) if each.detail else each.detail, each.next_try) for each in flat
        ]
        for row, record in zip(rows, after, strict=True):
            known: dict[str, Any] = {name: getattr(record, name) for name in VIEWED}
            shown: dict[str, Any] = {
                name: plain(value) if isinstance(value, str) else value for name, value in known.items()
            }
            assert of_row(row) == Record(**shown)


@pytest.fixture(scope="module")
def empty_journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a journal at today's schema with nothing in it."""
    volume = tmp_path_factory.mktemp("empty")
    with opened(volume):
        pass
    return journal_file(volume).read_bytes()
