"""Migrations: every released schema is brought to today's, whole or not at all, from a checkout and from a wheel."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.engine.toy import Bench, effects, file_step, product
from tests.engine.where import LIMIT, ROOT
from zflow.journal import migrate
from zflow.journal.layout import HEAD, REVISIONS, home, journal_file

JOURNALS = ROOT / "tests/data/journals"
OLD = REVISIONS[:-1]
WALKED = product(file_step("one.a"), file_step("one.once", once=True), file_step("two.a"), file_step("two.b"))
"""The product whose walk was cut off within `two.a` in each golden journal."""


def golden(volume: Path, revision: str) -> Bench:
    """Put the golden journal of a revision on a volume, with the files that its done steps made."""
    home(volume).mkdir()
    with closing(sqlite3.connect(journal_file(volume))) as raw:
        raw.executescript((JOURNALS / f"{revision}.sql").read_text())
    for name in ("one.a", "one.once"):
        (volume / name).write_text(name)
    (volume / "effects").write_text("one.a\none.once\n")
    return Bench(volume)


def schema(path: Path) -> list[tuple[str, ...]]:
    """Return everything that defines a journal's tables, and its revision."""
    with closing(sqlite3.connect(path)) as raw:
        found = raw.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name")
        return [*found, *raw.execute("SELECT version_num FROM alembic_version")]


def test_the_code_knows_the_revisions_there_are() -> None:
    """The constants that stand in for alembic at start equal alembic's own list."""
    config = Config()
    config.set_main_option("script_location", str(migrate.migrations()))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == HEAD
    assert tuple(each.revision for each in scripts.walk_revisions())[::-1] == REVISIONS


def test_every_released_schema_is_kept() -> None:
    """For each revision there is a golden journal."""
    assert sorted(path.stem for path in JOURNALS.glob("0*.sql")) == sorted(REVISIONS)


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_journal_of_every_released_schema_is_resumed(tmp_path: Path, revision: str) -> None:
    """Today's code goes on in the very step where an older one was cut off, and redoes nothing."""
    bench = golden(tmp_path, revision)
    assert bench.walk(WALKED) == "serving"
    assert effects(tmp_path) == ["one.a", "one.once", "two.a", "two.b"]
    assert bench.kinds("two.a") == ["started", "started", "done"]
    assert bench.broken_link() is None


@pytest.mark.parametrize("revision", OLD)
def test_an_upgraded_journal_has_the_schema_of_a_new_one(tmp_path: Path, revision: str) -> None:
    """The way a journal came makes no difference."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    golden(tmp_path / "old", revision).journal().close()
    home(tmp_path / "new").mkdir()
    Bench(tmp_path / "new").journal().close()
    assert schema(journal_file(tmp_path / "old")) == schema(journal_file(tmp_path / "new"))


@pytest.mark.parametrize("revision", OLD)
def test_a_copy_is_kept_before_an_upgrade(tmp_path: Path, revision: str) -> None:
    """The copy is the journal as it was, whole and for nobody else's eyes; none is made where nothing changes."""
    bench = golden(tmp_path, revision)
    before = schema(journal_file(tmp_path))
    bench.journal().close()
    bench.journal().close()
    (copy,) = (home(tmp_path) / "copies").iterdir()
    assert copy.name.startswith(f"journal-{revision}-")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert schema(copy) == before
    with closing(sqlite3.connect(copy)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("SELECT count(*) FROM event").fetchone()[0] > 5


OPEN = textwrap.dedent("""
    import sys
    from pathlib import Path
    from tests.engine.toy import Bench
    Bench(Path(sys.argv[1])).journal().close()
    print("alembic" in sys.modules)
""")


def opened(volume: Path, *prefix: str) -> subprocess.CompletedProcess[str]:
    """Open the journal in a process of its own; it prints whether alembic was loaded."""
    argv = [*prefix, sys.executable, "-c", OPEN, str(volume)]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False)


def test_alembic_is_loaded_only_for_an_upgrade(tmp_path: Path) -> None:
    """A journal at today's schema is opened without it."""
    golden(tmp_path, OLD[-1])
    assert [opened(tmp_path).stdout.strip() for _ in range(2)] == ["True", "False"]


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, which tells of the calls")
def test_the_copy_is_on_the_disk_before_it_bears_its_name(tmp_path: Path) -> None:
    """What is called a copy is whole after a power cut: it is synced, then renamed, then its folder is synced."""
    golden(tmp_path, OLD[-1])
    calls = tmp_path / "calls"
    assert opened(tmp_path, "strace", "-f", "-y", "-o", str(calls), "-e", "trace=fsync,rename").returncode == 0
    told = [line.partition(" ")[2].strip() for line in calls.read_text().splitlines() if "/copies" in line]
    assert [line.partition("(")[0] for line in told] == ["fsync", "rename", "fsync"]
    assert "/copies/new>" in told[0]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, which injects the kills")
@pytest.mark.parametrize(
    ("call", "number"),
    [
        ("fdatasync", 1),
        ("fdatasync", 2),
        ("pwrite64", 1),
        ("pwrite64", 6),
        ("pwrite64", 14),
        ("rename", 1),
        ("fsync", 2),
    ],
)
def test_an_upgrade_killed_at_a_write_is_made_good_at_the_next_start(tmp_path: Path, call: str, number: int) -> None:
    """Old schema or new, never between: the next start brings the journal to today's with all its events."""
    golden(tmp_path, OLD[-1])
    inject = f"inject={call}:signal=KILL:when={number}"
    killed = opened(tmp_path, "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
    assert killed.returncode in {-9, 137}, killed
    bench = Bench(tmp_path)
    assert bench.walk(WALKED) == "serving"
    assert effects(tmp_path) == ["one.a", "one.once", "two.a", "two.b"]
    assert bench.broken_link() is None
    assert schema(journal_file(tmp_path))[-1] == (HEAD,)
    with closing(sqlite3.connect(journal_file(tmp_path))) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.slow
def test_an_installed_wheel_finds_its_migrations(tmp_path: Path) -> None:
    """From the wheel, away from any checkout, a new journal is made, and the library `alembic` is not shadowed."""
    source, target = tmp_path / "source", tmp_path / "installed"
    source.mkdir()
    for name in ("zflow", "alembic"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    (source / "states").mkdir()
    (source / "states/__init__.py").touch()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=source, check=True, capture_output=True, timeout=LIMIT)
    (wheel,) = tmp_path.glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target", str(target)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True, timeout=LIMIT)
    assert sorted(path.name for path in target.iterdir() if path.suffix != ".dist-info") == ["bin", "states", "zflow"]
    volume = tmp_path / "volume"
    home(volume).mkdir(parents=True)
    script = textwrap.dedent("""
        import sys
        sys.path.insert(0, sys.argv[1])
        from pathlib import Path
        import zflow
        from zflow.journal.writer import open_journal
        open_journal(Path(sys.argv[2]), clock=lambda: 1.0, boot="b", run="r").close()
        print(Path(zflow.__file__).parent.parent)
    """)
    argv = [sys.executable, "-I", "-c", script, str(target), str(volume)]
    ended = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=LIMIT)
    assert ended.stdout.strip() == str(target)
    assert schema(journal_file(volume))[-1] == (HEAD,)
