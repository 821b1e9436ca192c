"""Opens the journal's file for its writer: the right kind of file, journal mode and schema, and room to report a full
volume. An older journal is copied, then migrated (alembic)."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy import event as hooks
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from zflow import __version__, codes
from zflow.errors import OperatorError
from zflow.host.clock import Clock, stamp
from zflow.host.files import make_folder, sync_folder
from zflow.host.mounts import file_system
from zflow.journal.ground import check_ground
from zflow.journal.layout import HEAD, REVISIONS, WAL_UNSAFE, home, journal_file
from zflow.journal.seal import RECENT, wrong
from zflow.journal.sqlite_errors import translated

BALLAST = 1 << 20
"""Bytes reserved beside the journal, so that a full volume can still be reported."""


def connect(volume: Path, clock: Clock) -> tuple[Connection, Path]:
    """Return a connection to the volume's journal, made or brought to today's schema first, and the ballast's file.

    On a full volume the ballast is removed to make room. Raises what `zflow.journal.writer.open_journal` does.
    """
    ballast = home(volume) / "ballast"
    try:
        connection = _open(volume, clock)
    except OperatorError as error:
        if error.code not in codes.FULL or not ballast.exists():
            raise
        ballast.unlink()
        connection = _open(volume, clock)
    _fill(ballast)
    return connection, ballast


def _open(volume: Path, clock: Clock) -> Connection:
    folder = home(volume)
    check_ground(volume)
    old = (folder / "ballast").exists() and journal_file(volume).exists()
    try:
        for name in ("", "cache", "stage", "secrets", "logs", "copies", "progress"):
            make_folder(folder / name, 0o700)
        with _closed_on_error(_engine(journal_file(volume))) as engine:
            connection = _connect(engine, journal_file(volume), wal=file_system(volume) not in WAL_UNSAFE)
            _to_head(connection, folder / "copies", clock, old=old)
            return connection
    except OSError as error:
        code = codes.meant(error, volume) or codes.VOLUME_READ_ONLY
        raise OperatorError(code, f"{folder}: {error.strerror}") from error
    except DatabaseError as error:
        raise translated(error.orig, volume) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter: SQLite names a damaged schema's part
        raise translated(error, volume) from error


@contextlib.contextmanager
def _closed_on_error(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    except BaseException:
        engine.dispose()
        raise


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=StaticPool,
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": 5.0},
    )

    @hooks.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        driver(connection).execute("BEGIN IMMEDIATE")

    return engine


def _connect(engine: Engine, path: Path, *, wal: bool) -> Connection:
    connection = engine.connect()
    raw = driver(connection)
    wanted = "wal" if wal else "delete"
    answer = raw.execute(f"PRAGMA journal_mode={wanted}").fetchone()[0]
    if answer != wanted:
        raise OperatorError(codes.VOLUME_READ_ONLY, f"SQLite uses journal mode {answer!r} for {path}, not {wanted!r}")
    raw.execute(f"PRAGMA synchronous={'FULL' if wal else 'EXTRA'}")
    raw.execute("PRAGMA foreign_keys=ON")
    raw.execute("PRAGMA temp_store=MEMORY")  # otherwise in the container's /var/tmp, which may be small
    path.chmod(0o600)
    return connection


def driver(connection: Connection) -> sqlite3.Connection:
    """Return the driver's connection, which SQLAlchemy wraps."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def _to_head(connection: Connection, copies: Path, clock: Clock, *, old: bool) -> None:
    """Check the journal and bring it to today's schema; `old`: it had a schema before."""
    with connection.begin():
        known = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name='alembic_version'").scalar()
        revision = known and connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if revision and revision not in REVISIONS:
        raise OperatorError(codes.JOURNAL_NEWER, f"its schema is {revision}, zflow {__version__} knows up to {HEAD}")
    if old and not revision:
        raise OperatorError(codes.JOURNAL_DAMAGED, "it is empty, but had events before")
    if revision and (damage := wrong(driver(connection), RECENT)) is not None:
        raise OperatorError(codes.JOURNAL_DAMAGED, damage)
    if revision == HEAD:
        return
    if revision:
        _keep_copy(connection, copies / f"journal-{revision}-{stamp(clock()).replace(':', '')}.sqlite3")
    from zflow.journal.migrate import upgrade

    upgrade(connection)


def _keep_copy(connection: Connection, copy: Path) -> None:
    """Write a copy of the journal; it gets its name when it is complete and synced; SQLite does not sync it."""
    beside = copy.with_name("new")
    beside.unlink(missing_ok=True)
    driver(connection).execute("VACUUM INTO ?", (str(beside),))
    beside.chmod(0o600)
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    beside.rename(copy)
    sync_folder(copy.parent)


def _fill(path: Path) -> None:
    if not path.exists() or path.stat().st_size < BALLAST:
        with contextlib.suppress(OSError), path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST)
