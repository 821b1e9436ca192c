"""Old events leave by a rule: what is known stays known, the chain stays whole, and a kill in between loses nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import tracemalloc
from collections import deque
from collections.abc import Callable
from contextlib import closing
from itertools import accumulate, groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.test_journal import SOME, STEPS, consistent, empty_journal, opened, tamper
from tests.engine.toy import Bench, file_step, product
from tests.engine.where import LIMIT, ROOT
from zflow import codes
from zflow.context import Context
from zflow.errors import OperatorError
from zflow.journal import pruning, reader, seal
from zflow.journal.event import IN_ORDER, LOOKED, Event
from zflow.journal.layout import journal_file
from zflow.journal.timeline import first_start
from zflow.journal.writer import Journal
from zflow.step import Scope
from zflow.walk.tidy import LARGE, LOGS

__all__ = ["empty_journal"]
SMALL = {"ENOUGH": 0, "RECENT": 4, "LAST": 12, "BATCH": 5}
"""The rule's numbers for journals that a test can fill; as many as the deaths that are counted and two more."""
OF_WALKS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["begun", "ended", "entered", "checked"]),
        "step": st.none(),
        "attempt": st.none(),
        "detail": st.sampled_from([None, IN_ORDER, LOOKED]),
    }
)
LIVES = st.lists(
    st.tuples(st.lists(st.one_of(SOME, OF_WALKS), min_size=1, max_size=9), st.booleans(), st.booleans()),
    min_size=1,
    max_size=12,
)
"""Commits, whether the journal is pruned after each, and whether the container is started anew before."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few events be many."""
    for name, value in SMALL.items():
        monkeypatch.setattr(pruning, name, value)


def known(volume: Path, boot: str) -> tuple[Any, ...]:
    """Return all that writer and reader know but for the history."""
    with opened(volume, boot) as journal:
        records = [(journal.step(each.name), journal.failed_before(each.name)) for each in STEPS]
        suspect = journal.suspect
    with reader.reading(volume) as light:
        times = reader.milestones(light), reader.last_whole(light)
        return records, suspect, reader.steps(light), times, reader.position(light)


def damage(volume: Path) -> str | None:
    """Return what a thorough check finds."""
    with reader.reading(volume, unsealed=True) as light:
        return seal.wrong(light)


def lived(journal: Journal, walks: int) -> None:
    """Record so many walks in each of which one step is found gone and made anew."""
    events = []
    for number in range(1, walks + 1):
        step = STEPS[number % len(STEPS)].name
        made = [Event("lost", "one", step), Event("started", "one", step, number), Event("done", "one", step, number)]
        events += [Event("begun"), *made, Event("checked")]
    journal.record(events)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=LIVES)
@pytest.mark.usefixtures("small")
def test_whatever_is_pruned_what_is_known_stays(
    tmp_path: Path, empty_journal: bytes, life: list[tuple[list[dict[str, Any]], bool, bool]]
) -> None:
    """Of any history: same records, same status, a whole chain; what is left is as it was, and the newest are left."""
    with TemporaryDirectory(dir=tmp_path) as folder:
        volume = Path(folder)
        (volume / ".zflow").mkdir()
        journal_file(volume).write_bytes(empty_journal)
        batches = consistent([batch for batch, _, _ in life])
        boots = list(accumulate(anew for _, _, anew in life))
        for boot, lives in groupby(zip(boots, batches, life, strict=True), key=itemgetter(0)):
            with opened(volume, f"boot-{boot}") as journal:
                for _, batch, (_, prune, _) in lives:
                    journal.record(batch)
                    if prune:
                        journal.prune(["one.b"])
        before, rows = known(volume, f"boot-{boots[-1]}"), Bench(volume).events()
        with opened(volume) as journal:
            journal.prune(["one.b"])
            assert journal.prune(["one.b"]) == 0
        assert known(volume, f"boot-{boots[-1]}") == before
        assert damage(volume) is None
        left = Bench(volume).events()
        assert [row for row in rows if row in left] == left
        assert left[-4:] == rows[-4:]


@pytest.mark.usefixtures("small")
def test_a_long_life_leaves_the_first_start_the_turns_and_the_last_of_each_step(tmp_path: Path) -> None:
    """A walk that did a turning point is kept whole, as is the first start; of the rest the last of each step."""
    with opened(tmp_path) as journal:
        lived(journal, 1)
        lived(journal, 100)
        made = [Event(kind, "one", "one.turn", 1) for kind in ("started", "done")]
        journal.record([Event("begun"), *made, Event("checked")])
        lived(journal, 100)
        assert journal.prune(["one.turn"]) == 1009 - len(Bench(tmp_path).events())
    left = [row["seq"] for row in Bench(tmp_path).events()]
    assert left[:9] == [1, 2, 3, 4, 5, 506, 507, 508, 509]
    assert left[-4:] == [1006, 1007, 1008, 1009]
    kinds = [row["kind"] for row in Bench(tmp_path).events("one.a")]
    assert kinds[-12:] == ["lost", "started", "done"] * 4
    assert len(left) == 5 + 4 + 4 * SMALL["LAST"]
    assert damage(tmp_path) is None


@pytest.mark.parametrize(
    "history",
    [
        [Event("done", "one", "one.a", 3, key="k"), *[Event("interrupted", "one", "one.a", 4)] * 30],
        [Event("failed", "one", "one.a", number, next_try=float(number)) for number in range(1, 31)],
        [Event("gave-up", "one", "one.a", 5), *[Event("failed", "one", "one.a", 6, next_try=9.0)] * 30],
        [Event("started", "one", "one.a", 7), Event("lost", "one", "one.a"), *[Event("reset", "one", "one.a")] * 30],
        [Event("done", "one", "one.a", 3, key="k"), Event("entered"), *[Event("checked")] * 30],
        [Event("begun"), Event("checked"), *[Event("begun"), Event("ended")] * 30],
        [Event("ended", detail=LOOKED), *[Event("begun"), Event("ended")] * 30],
        [Event("begun"), *[Event("entered")] * 30],
    ],
    ids=[
        "settled long ago",
        "failed often",
        "gave up long ago",
        "reset often",
        "served for long",
        "served once, stopped for long",
        "looked at thoroughly long ago",
        "walked for long",
    ],
)
def test_what_the_status_rests_on_is_kept_however_old(tmp_path: Path, small: None, history: list[Event]) -> None:
    """More events of the same step, or of walks, than are kept of each, between what counts and the end."""
    with opened(tmp_path, "boot-0") as journal:
        journal.record([Event("begun")])
        journal.record([Event("begun")] * 30)
        journal.record([Event("failed", "one", "one.a", 1, next_try=1.0)] * 2)
        journal.record([Event("checked")])
    with opened(tmp_path) as journal:
        for each in history:
            journal.record([each])
        journal.record([Event("lost", "two", "two.other")] * 30)
    before = known(tmp_path, "boot-1")
    with opened(tmp_path) as journal:
        assert journal.prune()
    assert known(tmp_path, "boot-1") == before
    assert damage(tmp_path) is None


def test_how_the_container_before_ended_is_kept_however_old(tmp_path: Path, small: None) -> None:
    """A start that is stopped for weeks still knows that the one before it was stopped in order."""
    with opened(tmp_path, "boot-0") as journal:
        journal.record([Event("begun"), Event("checked")])
        journal.record([Event("begun"), Event("ended", detail=IN_ORDER)])
    with opened(tmp_path) as journal:
        journal.record([Event("begun"), Event("ended")] * 30)
        assert journal.prune()
    with opened(tmp_path) as journal:
        assert not journal.suspect


def test_the_newest_are_kept_whatever_they_are(tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as are looked at before each walk, also where one step has made them all."""
    monkeypatch.setattr(pruning, "RECENT", 30)
    with opened(tmp_path) as journal:
        lived(journal, 1)
        journal.record([Event("lost", "two", "two.other")] * 60)
        assert journal.prune() == 29
    assert [row["seq"] for row in Bench(tmp_path).events()] == [1, 2, 3, 4, 5, *range(35, 66)]


def test_a_short_journal_is_left_as_it_is(tmp_path: Path) -> None:
    """Nothing is pruned, and no commit is made, before there is much to prune."""
    with opened(tmp_path) as journal:
        lived(journal, 20)
        content = journal_file(tmp_path).with_name("journal.sqlite3-wal").read_bytes()
        assert journal.prune() == 0
        assert journal_file(tmp_path).with_name("journal.sqlite3-wal").read_bytes() == content


def test_a_journal_of_which_all_is_kept_is_left_as_it_is(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it is: what lets nothing go makes no commit."""
    monkeypatch.setattr(pruning, "LAST", 50)
    with opened(tmp_path) as journal:
        lived(journal, 10)
        content = journal_file(tmp_path).with_name("journal.sqlite3-wal").read_bytes()
        assert journal.prune() == 0
        assert journal_file(tmp_path).with_name("journal.sqlite3-wal").read_bytes() == content
        journal.record([Event("ended")])
    assert damage(tmp_path) is None


@pytest.fixture(scope="module")
def once_pruned(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a journal that was pruned."""
    volume = tmp_path_factory.mktemp("pruned")
    with pytest.MonkeyPatch.context() as patched:
        for name, value in SMALL.items():
            patched.setattr(pruning, name, value)
        with opened(volume) as journal:
            lived(journal, 60)
            assert journal.prune()
    return journal_file(volume).read_bytes()


@pytest.fixture
def pruned(tmp_path: Path, small: None, once_pruned: bytes) -> Path:
    """A volume whose journal was pruned."""
    (tmp_path / ".zflow").mkdir(mode=0o700)
    journal_file(tmp_path).write_bytes(once_pruned)
    return tmp_path


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DELETE FROM event WHERE seq = (SELECT last + 1 FROM gap LIMIT 1)", "does not match the hash"),
        ("UPDATE event SET detail = 'x' WHERE seq = (SELECT last + 1 FROM gap LIMIT 1)", "does not match the hash"),
        ("DELETE FROM gap", "does not match the hash"),
        ("UPDATE gap SET hash = 'x'", "does not match the hash"),
        ("UPDATE gap SET first = first + 1", "does not match the hash"),
        ("INSERT INTO gap SELECT max(seq) + 5, max(seq) + 1, 'x' FROM event", "does not match the hash"),
        ("UPDATE past SET pruned = 1", "seal"),
        ("UPDATE past SET gaps = 'x'", "pruned events has changed"),
        (
            "INSERT INTO gap SELECT seq, seq, hash FROM event WHERE seq = 2; DELETE FROM event WHERE seq = 2",
            "pruned events has changed",
        ),
    ],
)
def test_a_pruned_past_is_still_proven(pruned: Path, statement: str, what: str) -> None:
    """Neither an event, nor a stretch that was pruned, nor their sum can change unseen."""
    tamper(pruned, *statement.split("; "))
    assert what in (damage(pruned) or "")


def test_an_older_copy_is_proven_to_be_the_past(tmp_path: Path, small: None) -> None:
    """What a stretch keeps is the hash of its last event, as it stands in whoever's copy of the journal."""
    with opened(tmp_path) as journal:
        lived(journal, 60)
        before = {row["seq"]: row["hash"] for row in Bench(tmp_path).events()}
        journal.prune()
    with closing(sqlite3.connect(journal_file(tmp_path))) as raw:
        gaps = raw.execute("SELECT first, last, hash FROM gap ORDER BY last").fetchall()
        assert raw.execute("SELECT pruned FROM past").fetchone()[0] == sum(last - first + 1 for first, last, _ in gaps)
    assert all(before[last] == digest for _, last, digest in gaps)
    assert len(before) - len(Bench(tmp_path).events()) == sum(last - first + 1 for first, last, _ in gaps)


def test_an_event_leaves_only_where_it_is_accounted_for(pruned: Path) -> None:
    """SQLite refuses to delete any other, before and after something was pruned."""
    first, last = Bench(pruned).events()[0]["seq"], Bench(pruned).events()[-1]["seq"]
    with closing(sqlite3.connect(journal_file(pruned))) as raw:
        for number in (first, last):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                raw.execute("DELETE FROM event WHERE seq = ?", (number,))


KILLED = textwrap.dedent("""
    import os, sys
    from pathlib import Path
    from tests.engine.test_journal import opened
    from tests.engine.test_pruning import SMALL
    from zflow.journal import pruning
    vars(pruning).update(SMALL)
    cut, left = pruning._cut, int(sys.argv[2])

    def dies(*arguments):
        global left
        cut(*arguments)
        left -= 1
        if not left:
            os._exit(9)

    pruning._cut = dies
    with opened(Path(sys.argv[1])) as journal:
        journal.prune()
""")


def test_killed_in_between_it_has_lost_nothing(tmp_path: Path, small: None) -> None:
    """The stretches of one transaction leave together or not at all, and the next walk goes on."""
    with opened(tmp_path) as journal:
        lived(journal, 60)
    rows, before = Bench(tmp_path).events(), known(tmp_path, "boot-1")
    for number in (1, 4):
        argv = [sys.executable, "-c", KILLED, str(tmp_path), str(number)]
        assert subprocess.run(argv, cwd=ROOT, timeout=LIMIT, check=False).returncode == 9
        assert damage(tmp_path) is None
        left = Bench(tmp_path).events()
        with closing(sqlite3.connect(journal_file(tmp_path))) as raw:
            accounted = raw.execute("SELECT coalesce(sum(last - first + 1), 0) FROM gap").fetchone()[0]
        assert len(left) + accounted == len(rows)
        assert [row for row in rows if row in left] == left
    with opened(tmp_path) as journal:
        journal.prune()
    assert known(tmp_path, "boot-1") == before
    assert damage(tmp_path) is None


def test_the_file_becomes_small_again(tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where most of a large file is empty afterwards, it is written anew."""
    monkeypatch.setattr(pruning, "ROOMY", 1)
    with opened(tmp_path) as journal:
        journal.record([Event("ended", detail="x" * 1000)] * 300)
        journal.prune()
    assert journal_file(tmp_path).stat().st_size < 100_000
    assert damage(tmp_path) is None


SHRINK = """
import sys
from contextlib import closing
from pathlib import Path
from tests.engine.test_pruning import SMALL
from tests.engine.toy import Bench
from zflow.journal import pruning
from zflow.journal.event import Event
from zflow.journal.layout import home, journal_file
vars(pruning).update(SMALL, ROOMY=1)
home(Path(sys.argv[1])).mkdir(mode=0o700)
with closing(Bench(Path(sys.argv[1])).journal()) as journal:
    journal.restore([])
    journal.record([Event("ended", detail="x" * 500_000)] * 40)  # what is left is more than SQLite keeps in memory
    journal.prune()
print(journal_file(Path(sys.argv[1])).stat().st_size)
"""


def test_it_becomes_small_where_the_container_has_no_room_for_it(tmp_path: Path) -> None:
    """SQLite would put what it needs for a moment into /var/tmp: neither the removal nor the new file may need that."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("needs unshare(1) and user namespaces")
    (tmp_path / "small").mkdir()
    script = f'mount -t tmpfs -o size=4k tmpfs "{tmp_path}/small" && exec "$@"'
    argv = ["unshare", "-rm", "sh", "-c", script, "sh", sys.executable, "-c", SHRINK, str(tmp_path)]
    environment = os.environ | {"SQLITE_TMPDIR": str(tmp_path / "small")}
    ended = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT, check=True)
    assert int(ended.stdout) < 20 * 500_000


def written(logs: Path, attempts: range) -> list[Path]:
    """Write logs of attempts of `one.a`, the older the smaller their number."""
    logs.mkdir(parents=True, exist_ok=True)
    for number in attempts:
        path = logs / f"a.{number}.log"
        path.write_text("what it printed")
        os.utime(path, ns=(number, number))
    return sorted(logs.iterdir())


def test_a_walk_lets_go_of_old_events_and_old_logs_at_its_end(tmp_path: Path, small: None) -> None:
    """Kept are the newest logs of each step and those of the first start; a walk that is stopped tidies up too."""
    bench = Bench(tmp_path)
    what = product(file_step("one.a", scope=Scope.BOOT), file_step("one.b"))
    bench.walk(what)
    for number in range(2, 25):
        bench.boot = f"boot-{number}"
        (tmp_path / "one.a").unlink()
        bench.walk(what)
    logs = tmp_path / ".zflow/logs"
    written(logs / "one", range(1, 25))
    (logs / "one/notes.txt").write_text("not ours")
    (logs / "product").mkdir()
    (logs / "product/product.log").write_text("x" * (LARGE + 1))
    assert bench.walk(product(*what.steps, file_step("one.never", before=refuse))) == "blocked"
    kept = [f"a.{number}.log" for number in (1, *range(25 - LOGS, 25))]
    assert sorted(path.name for path in (logs / "one").iterdir()) == sorted([*kept, "never.1.log", "notes.txt"])
    assert [path.name for path in (logs / "product").iterdir()] == ["product.before.log"]
    assert len(bench.events("one.a")) < 2 * SMALL["LAST"]
    assert damage(tmp_path) is None


def refuse(_ctx: Context) -> None:
    """Block the step."""
    raise OperatorError(codes.COMMAND, "not today")


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume whose first start is followed by many walks."""
    volume = tmp_path_factory.mktemp("long")
    with opened(volume) as journal:
        lived(journal, 2_000)
    return volume


@pytest.mark.parametrize("read", [lambda rows: deque(rows, maxlen=0), lambda rows: first_start(rows, lambda: 0.0)])
@pytest.mark.parametrize("skip", [0, 5], ids=["all", "no end"])
def test_however_long_the_past_reading_it_takes_little_memory(long: Path, read: Callable[..., Any], skip: int) -> None:
    """10,000 events pass, of which a list would take 15 MB; also where no event says that the first start has ended."""
    with reader.reading(long) as light:
        rows = (row for row in reader.stream(light) if not skip or row["kind"] != "checked")
        tracemalloc.start()
        try:
            read(rows)
            assert tracemalloc.get_traced_memory()[1] < 8 << 20
        finally:
            tracemalloc.stop()


def test_what_is_read_slowly_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None) -> None:
    """While somebody pages through the history events are recorded, and read, and old ones pruned."""
    monkeypatch.setattr(reader, "PAGE", 2)
    with opened(tmp_path) as journal:
        lived(journal, 30)
        with reader.reading(tmp_path) as light:
            rows = reader.stream(light)
            assert [next(rows)["seq"] for _ in range(4)] == [1, 2, 3, 4]
            assert journal.prune()
            journal.record([Event("ended", detail="received a stop signal")])
            assert not light.in_transaction
            left = [row["seq"] for row in rows]
        assert left[-1] == 151
        assert left == [row["seq"] for row in Bench(tmp_path).events() if row["seq"] > 4]
