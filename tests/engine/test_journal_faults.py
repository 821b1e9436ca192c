"""What can be wrong with a journal, its volume or its disk, and with which code each is refused."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.toy import Bench, file_step, product
from tests.engine.where import LIMIT, ROOT
from zflow import codes
from zflow.errors import Code, OperatorError
from zflow.journal import connect
from zflow.journal.event import Event
from zflow.journal.layout import home, journal_file
from zflow.journal.reader import reading
from zflow.journal.writer import Journal, Position
from zflow.supervise.lock import WALKER, held
from zflow.walk.aside import put_aside

TOY = product(file_step("one.a"))


def full_at_once(journal: Journal) -> sqlite3.Connection:
    """Let the journal's file grow no more, as on a full volume."""
    raw = journal._connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.execute("PRAGMA max_page_count=1")
    return raw


def opened(volume: Path) -> Journal:
    """Open the journal of a new volume."""
    home(volume).mkdir(mode=0o700, exist_ok=True)
    journal = Bench(volume).journal()
    journal.restore([])
    return journal


def write_until(journal: Journal) -> None:
    """Record long events until the journal refuses one."""
    for _ in range(100):
        journal.record([Event("failed", "one", "one.a", detail="x" * 4000)], Position("one", "one"))


def expect(code: Code, volume: Path) -> None:
    """Check that writer and reader alike refuse a journal by a code."""
    with pytest.raises(OperatorError) as refused:
        Bench(volume).journal()
    assert refused.value.code is code
    with pytest.raises(OperatorError) as unreadable, reading(volume):
        pass
    assert unreadable.value.code is code


def test_the_ballast_makes_room_to_report_a_full_volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the journal cannot grow, the ballast is given up and the event that could not be recorded is recorded."""
    with closing(opened(tmp_path)) as journal:
        raw = full_at_once(journal)
        ballast = home(tmp_path) / "ballast"
        unlink = Path.unlink

        def freed(path: Path, missing_ok: bool = False) -> None:
            unlink(path, missing_ok)
            raw.execute("PRAGMA max_page_count=1000")

        monkeypatch.setattr(Path, "unlink", freed)
        assert ballast.stat().st_size == connect.BALLAST
        for number in range(20):
            journal.record([Event("failed", "one", "one.a", number, detail="x" * 4000)])
        assert not ballast.exists()
    assert [row["attempt"] for row in Bench(tmp_path).events()] == list(range(20))
    assert Bench(tmp_path).broken_link() is None


def test_a_volume_that_stays_full_is_said_to_be_full(tmp_path: Path) -> None:
    """Without room even after the ballast is gone, the record is refused as ZF-1006 and nothing of it is kept."""
    with closing(opened(tmp_path)) as journal:
        raw = full_at_once(journal)
        with pytest.raises(OperatorError) as refused:
            write_until(journal)
        assert refused.value.code is codes.DISK_FULL
        kept = len(Bench(tmp_path).events())
        raw.execute("PRAGMA max_page_count=1000")
        journal.record([Event("ended")])
    assert len(Bench(tmp_path).events()) == kept + 1
    assert Bench(tmp_path).broken_link() is None


def test_the_ballast_comes_back_when_there_is_room_again(tmp_path: Path) -> None:
    """A ballast that is gone or was cut short is set aside anew at the next start."""
    ballast = home(tmp_path) / "ballast"
    opened(tmp_path).close()
    ballast.unlink()
    opened(tmp_path).close()
    assert ballast.stat().st_size == connect.BALLAST
    ballast.write_bytes(b"")
    opened(tmp_path).close()
    assert ballast.stat().st_size == connect.BALLAST


@pytest.mark.parametrize(
    "content",
    [b"this is no database, and it is long enough to be one\n" * 200, b"SQLite format 3\0" + b"\xff" * 8000],
    ids=["text", "header"],
)
def test_a_damaged_file_is_said_to_be_damaged_and_left_alone(tmp_path: Path, content: bytes) -> None:
    """Something else in the journal's place is ZF-1004 for writer and reader, and is not touched."""
    opened(tmp_path).close()
    journal_file(tmp_path).write_bytes(content)
    expect(codes.JOURNAL_DAMAGED, tmp_path)
    assert journal_file(tmp_path).read_bytes() == content


def test_damage_within_the_tables_is_found_when_they_are_read(tmp_path: Path) -> None:
    """A page overwritten inside an otherwise sound file is ZF-1004 at restore, not a traceback."""
    bench = Bench(tmp_path)
    bench.walk(product(*(file_step(f"one.{number}") for number in range(30))))
    content = bytearray(journal_file(tmp_path).read_bytes())
    content[8192:] = b"\x5a" * (len(content) - 8192)
    journal_file(tmp_path).write_bytes(content)
    with pytest.raises(OperatorError) as refused:
        bench.walk(TOY)
    assert refused.value.code is codes.JOURNAL_DAMAGED


def test_a_failed_commit_ends_the_trust_in_the_connection(tmp_path: Path) -> None:
    """After an error other than a full volume every later record is refused with the same code."""
    with closing(opened(tmp_path)) as journal:
        with closing(sqlite3.connect(journal_file(tmp_path))) as other, other:
            other.execute("ALTER TABLE event RENAME TO elsewhere")
        for _ in range(2):
            with pytest.raises(OperatorError) as refused:
                journal.record([Event("ended")])
            assert refused.value.code is codes.JOURNAL_DAMAGED
            with closing(sqlite3.connect(journal_file(tmp_path))) as other, other:
                name = other.execute("SELECT name FROM sqlite_master WHERE name='elsewhere'").fetchone()
                if name is not None:
                    other.execute("ALTER TABLE elsewhere RENAME TO event")


def test_a_newer_schema_is_refused_untouched(tmp_path: Path) -> None:
    """A revision that this code does not know is ZF-1003 for writer and reader, and nothing is migrated."""
    opened(tmp_path).close()
    with closing(sqlite3.connect(journal_file(tmp_path))) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    expect(codes.JOURNAL_NEWER, tmp_path)
    assert list((home(tmp_path) / "copies").iterdir()) == []


def test_the_reader_knows_no_journal_from_an_unfinished_one(tmp_path: Path) -> None:
    """No file, an empty one and one without a schema are all ZF-1030: the runner has not got so far."""
    home(tmp_path).mkdir()
    for content in (None, b""):
        if content is not None:
            journal_file(tmp_path).write_bytes(content)
        with pytest.raises(OperatorError) as missing, reading(tmp_path):
            pass
        assert missing.value.code is codes.NO_JOURNAL


def test_a_read_only_volume_is_refused(tmp_path: Path) -> None:
    """On a volume mounted read-only the walker's lock and journal are ZF-1002, while the reader still reads."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("needs unshare(1) and user namespaces")
    Bench(tmp_path).walk(TOY)
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from tests.engine.toy import Bench
        from zflow.errors import OperatorError
        from zflow.supervise.lock import WALKER, held
        volume = Path(sys.argv[1])
        for work in (lambda: Bench(volume).journal(), lambda: held(volume, WALKER).__enter__()):
            try:
                work()
            except OperatorError as error:
                print(error.code.id)
        print(len(Bench(volume).events()))
    """)
    mounted = f'mount --bind "{tmp_path}" "{tmp_path}" && mount -o remount,ro,bind "{tmp_path}" && exec "$@"'
    argv = ["unshare", "-rm", "sh", "-c", mounted, "sh", sys.executable, "-c", script, str(tmp_path)]
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["ZF-1002", "ZF-1002", str(len(Bench(tmp_path).events()))]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A file in the place of zflow's folder is ZF-1009, and it stays."""
    home(tmp_path).write_text("mine")
    with pytest.raises(OperatorError) as refused:
        Bench(tmp_path).journal()
    assert refused.value.code is codes.NOT_A_FOLDER
    assert home(tmp_path).read_text() == "mine"


def in_place_of(path: Path, kind: str, elsewhere: Path) -> None:
    """Put something else in the place of a file or a folder, which is moved elsewhere."""
    if path.exists():
        path.rename(elsewhere)
    match kind:
        case "link":
            path.symlink_to(elsewhere)
        case "dangling":
            path.symlink_to(elsewhere.with_name("nowhere"))
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)


@pytest.mark.parametrize("part", ["", "-wal"])
@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "pipe"])
def test_something_else_in_the_journals_place_is_named_and_not_used(tmp_path: Path, kind: str, part: str) -> None:
    """A link would lead SQLite out of the volume, a pipe let it wait for ever; put aside, the volume is walked on."""
    volume, elsewhere = tmp_path / "volume", tmp_path / "elsewhere"
    volume.mkdir()
    bench = Bench(volume)
    bench.walk(TOY)
    content = journal_file(volume).read_bytes()
    in_place_of(journal_file(volume).with_name(f"journal.sqlite3{part}"), kind, elsewhere)
    expect(codes.NOT_A_FILE, volume)
    if elsewhere.exists():
        assert elsewhere.read_bytes() == content
    aside = put_aside(volume)
    assert os.path.lexists(aside / f"journal.sqlite3{part}")
    assert bench.walk(TOY) == "serving"


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe"])
def test_something_else_in_the_place_of_our_folder_is_named_and_not_used(tmp_path: Path, kind: str) -> None:
    """Neither journal nor lock is looked for where a link leads."""
    volume, elsewhere = tmp_path / "volume", tmp_path / "elsewhere"
    volume.mkdir()
    Bench(volume).walk(TOY)
    in_place_of(home(volume), kind, elsewhere)
    there = sorted(elsewhere.iterdir())
    expect(codes.NOT_A_FOLDER, volume)
    with pytest.raises(OperatorError) as refused, held(volume, WALKER):
        pass
    assert refused.value.code is codes.NOT_A_FOLDER
    assert sorted(elsewhere.iterdir()) == there


def test_nothing_is_written_where_others_may_write(tmp_path: Path) -> None:
    """Who may put files beside the journal decides what runs; what is there can be read, and root's group is root."""
    bench = Bench(tmp_path)
    bench.walk(TOY)
    for mode in (0o777, 0o702):
        home(tmp_path).chmod(mode)
        for write in (bench.journal, lambda: held(tmp_path, WALKER).__enter__()):
            with pytest.raises(OperatorError, match=f"is {mode:04o}") as refused:
                write()
            assert refused.value.code is codes.OPEN_TO_OTHERS
        assert bench.events()
    for mode in (0o755, 0o770, 0o700):
        home(tmp_path).chmod(mode)
        assert bench.walk(TOY) == "serving"


INODES = textwrap.dedent("""
    import subprocess, sys
    from pathlib import Path
    from tests.engine.toy import Bench, file_step, product
    from tests.faults.full import walked
    what = product(file_step("one.a"), file_step("two.a"))
    for old in (False, True):
        for left in range(0, 16, 3 if old else 1):
            volume = Path(sys.argv[1])
            subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=60", "tmpfs", volume], check=True)
            if old:
                walked(volume, product(file_step("one.a")))
            (volume / "many").mkdir()
            taken = []
            try:
                while True:
                    taken.append(volume / "many" / str(len(taken)))
                    taken[-1].touch()
            except OSError:
                taken.pop()
            for path in taken[:left]:
                path.unlink()
            tight = walked(volume, what)
            for path in taken[left:]:
                path.unlink()
            print(f"{tight}, then {walked(volume, what)}")
            subprocess.run(["umount", "--lazy", volume], check=True)
""")


def test_a_volume_without_inodes_is_called_so(tmp_path: Path) -> None:
    """Whichever file it is that cannot be made: there is room for bytes, so it is ZF-1026 and not a full volume."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("needs unshare(1) and user namespaces")
    argv = ["unshare", "-rm", sys.executable, "-c", INODES, str(tmp_path)]
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=True)
    assert set(ended.stdout.splitlines()) == {
        "refused ZF-1026, then serving", "blocked ZF-1026, then serving", "serving, then serving",
    }  # fmt: skip


def test_nobody_else_may_read_the_journal(tmp_path: Path) -> None:
    """Whatever the umask, zflow's folders are 0700 and the journal's file 0600."""
    before = os.umask(0)
    try:
        opened(tmp_path).close()
    finally:
        os.umask(before)
    folders = [home(tmp_path) / name for name in ("", "secrets", "logs", "copies", "cache", "stage", "progress")]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
    assert stat.S_IMODE(journal_file(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("kind", "mode", "synchronous"), [("ext4", "wal", 2), ("nfs4", "delete", 3), ("cifs", "delete", 3)]
)
def test_the_journal_mode_suits_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, mode: str, synchronous: int
) -> None:
    """WAL with FULL where it is safe; on a file system shared between hosts a rollback journal with EXTRA."""
    monkeypatch.setattr(connect, "file_system", lambda _path: kind)
    with closing(opened(tmp_path)) as journal:
        raw = journal._connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        assert raw.execute("PRAGMA journal_mode").fetchone()[0] == mode
        assert raw.execute("PRAGMA synchronous").fetchone()[0] == synchronous
        journal.record([Event("ended")])
    assert len(Bench(tmp_path).events()) == 1


def test_a_journal_is_readable_while_it_is_written(tmp_path: Path) -> None:
    """The light reader sees each commit at once, beside the open writer."""
    with closing(opened(tmp_path)) as journal:
        for number in range(3):
            journal.record([Event("ended", detail=str(number))])
            assert [row["detail"] for row in Bench(tmp_path).events()] == [str(each) for each in range(number + 1)]
