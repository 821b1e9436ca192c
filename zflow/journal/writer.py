"""The one writer of the journal: opens it safely, restores where the walk is, appends events with one sync a commit.

SQLAlchemy opens the journal, migrates it with alembic, restores from it and makes the texts of the statements; those of
a step's commit go to the driver, for to take each through SQLAlchemy costs more than to execute it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, create_engine, insert, select
from sqlalchemy import event as hooks
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from zflow import __version__, codes
from zflow.errors import OperatorError
from zflow.host.clock import Clock, stamp
from zflow.host.files import make_folder, sync_folder
from zflow.host.mounts import file_system
from zflow.journal import pruning, tables
from zflow.journal.event import IN_ORDER, LOOKED, UNFINISHED, VALID, Event, link
from zflow.journal.ground import check_ground
from zflow.journal.layout import HEAD, REVISIONS, WAL_UNSAFE, home, journal_file
from zflow.journal.meaning import translated
from zflow.journal.seal import RECENT, Rows, contents, frame, seal, wrong

BALLAST = 1 << 20
"""Bytes set aside beside the journal, so that a full volume can still be reported."""


class Failure(NamedTuple):
    """How a step failed in an earlier walk, and when it was to be tried again."""

    kind: str
    at: float
    next_try: float
    code: str
    detail: str


class Record(NamedTuple):
    """What the journal knows of a step."""

    valid: bool = False
    key: str | None = None
    evidence: str = ""
    """What was seen when it was last found valid, as `Evidence.line` tells it."""
    duration: float | None = None
    """Seconds that its last effect took, where it is valid and there was one."""
    unfinished: bool = False
    in_flight: bool = False
    undecided: bool = False
    """The last attempt was cut off, and nothing has told since whether it took effect."""
    attempt: int = 0
    failures: int = 0
    spent: int = 0
    """How much of the policy's budget is used up: of the failures, attempts made before their time do not count."""
    due: float | None = None
    """When the step was to be tried again after the last failure."""
    asked: bool = False
    """The operator has reset it, and it has not been found valid since."""
    deaths: int = 0
    """Attempts at the end of its history that ended with the walker's death in the present boot."""


class Position(NamedTuple):
    """The workflow row: the machine's state, the product's state it stands in, and what stopped it, if anything."""

    state: str
    place: str
    step: str | None = None
    code: str | None = None
    detail: str | None = None
    remedy: str | None = None
    next_try: float | None = None


@dataclass(frozen=True)
class Listed:
    """A step as the journal lists it for `status`."""

    name: str
    state: str
    title: str
    scope: str
    weight: float


class Journal:
    """An open journal. Safe to use from several threads; every `record` is one durable transaction."""

    def __init__(
        self, connection: Connection, ballast: Path, *, clock: Clock, boot: str, run: str, clean: Callable[[str], str]
    ) -> None:
        self._connection = connection
        self._raw = _raw(connection)
        self._ballast = ballast
        self._clock = clock
        self._boot = boot
        self._run = run
        self._clean = clean
        self._lock = threading.Lock()
        self._broken: OperatorError | None = None
        self._frame = ""
        self._newest: Rows = []
        self._workflow: Rows = []
        self._records: dict[str, Record] = {}
        self._failures: dict[str, Failure] = {}
        self.position: Position | None = None
        self.suspect = False
        """The container before this one was not stopped in order, and no walk of this one has looked at all since."""

    def restore(self, steps: Sequence[Listed]) -> None:
        """Read where the walk is, after noting which steps there are today."""
        with self._safely(), self._connection.begin():
            connection = self._connection
            table = [vars(each) | {"position": position} for position, each in enumerate(steps)]
            known = [dict(row) for row in connection.execute(select(tables.step)).mappings()]
            if sorted(known, key=lambda row: str(row["name"])) != sorted(table, key=lambda row: str(row["name"])):
                connection.execute(tables.step.delete())
                if table:
                    connection.execute(insert(tables.step), table)
            row = connection.execute(select(tables.workflow)).mappings().first()
            if row is not None:
                self.position = Position(**{name: row[name] for name in Position._fields})
            for status in connection.execute(select(tables.step_status)).mappings():
                self._records[status["name"]] = self._restored(connection, status)
                if (failure := _failure(status)) is not None:
                    self._failures[status["name"]] = failure
            self.suspect = self._cut_off(connection)
            self._frame = frame(self._raw)
            self._newest, self._workflow = contents(self._raw)
            self._seal(self._newest, self._workflow)

    def _restored(self, connection: Connection, row: Mapping[Any, Any]) -> Record:
        valid, last = row["settled_kind"] in VALID, row["last_kind"]
        in_flight = last == "started"
        spent, due = self._budget(connection, row)
        return Record(
            valid=valid,
            key=row["settled_key"] if valid else None,
            evidence=(row["evidence"] or "") if valid else "",
            duration=row["duration"] if valid else None,
            unfinished=last in UNFINISHED or (last == "reset" and self._was_unfinished(connection, row["name"])),
            in_flight=in_flight,
            undecided=in_flight or last == "interrupted" or (last == "blocked" and row["code"] == codes.ASK.id),
            attempt=row["attempt"] or (self._attempts(connection, row["name"]) if last is not None else 0),
            failures=row["failures"] or 0,
            spent=spent,
            due=due,
            asked=row["settled_kind"] == "reset",
            deaths=self._deaths(connection, row["name"]) if in_flight else 0,
        )

    def _attempts(self, connection: Connection, step: str) -> int:
        """Return the number of the last attempt, which the last event alone does not always name."""
        event = tables.event.c
        numbered = select(event.attempt).where(event.step == step, event.attempt.is_not(None))
        return int(connection.scalar(numbered.order_by(event.seq.desc()).limit(1)) or 0)

    def _budget(self, connection: Connection, row: Mapping[Any, Any]) -> tuple[int, float | None]:
        """Return how many failures in a row named another next try than the one before, and the last one's."""
        spent, due = 0, None
        if row["failures"]:
            event = tables.event.c
            failed = select(event.next_try).where(event.step == row["name"], event.kind == "failed")
            newest = connection.scalars(failed.order_by(event.seq.desc()).limit(row["failures"])).all()
            for next_try in reversed(newest):
                spent, due = spent + (next_try != due), next_try
        return spent, due

    def _cut_off(self, connection: Connection) -> bool:
        event = tables.event.c
        looked = (event.kind == "checked") | ((event.kind == "ended") & (event.detail == LOOKED))
        told = select(event.boot, event.kind, event.detail).where((event.boot != self._boot) | looked)
        newest = connection.execute(told.order_by(event.seq.desc()).limit(1)).first()
        return newest is not None and newest.boot != self._boot and tuple(newest)[1:] != ("ended", IN_ORDER)

    def _was_unfinished(self, connection: Connection, step: str) -> bool:
        event = tables.event.c
        others = select(event.kind).where(event.step == step, event.kind != "reset")
        return connection.scalar(others.order_by(event.seq.desc()).limit(1)) in UNFINISHED

    def _deaths(self, connection: Connection, step: str) -> int:
        event = tables.event.c
        rows = connection.execute(
            select(event.kind, event.boot).where(event.step == step).order_by(event.seq.desc()).limit(10)
        )
        count = 0
        for kind, boot in rows:
            if kind != "started" or boot != self._boot:
                break
            count += 1
        return count

    def step(self, name: str) -> Record:
        """Return what is known of a step."""
        return self._records.get(name, Record())

    def failure(self, name: str) -> Failure | None:
        """Return the failure of an earlier walk with which the history of a step ends, if it does."""
        return self._failures.get(name)

    def record(self, events: Sequence[Event], position: Position | None = None) -> None:
        """Append events and move the workflow row in one transaction; returns when it is on the disk.

        Raises OperatorError(DISK_FULL) when not even the ballast makes room for it.
        """
        with self._lock:
            kept = [self._kept(each) for each in events]
            where = position and position._replace(detail=self._text(position.detail))
            try:
                self._write(kept, where)
            except OperatorError as error:
                if error.code is not codes.DISK_FULL or not self._ballast.exists():
                    raise
                self._ballast.unlink()
                self._write(kept, where)
            for each in kept:
                if each.step is not None:
                    self._records[each.step] = _after(self.step(each.step), each)
                    self._failures.pop(each.step, None)
                if each.kind == "checked" or (each.kind == "ended" and each.detail == LOOKED):
                    self.suspect = False
            if position is not None:
                self.position = position

    def _write(self, events: Sequence[Event], position: Position | None) -> None:
        now = self._clock()
        rows, newest, workflow = [], self._newest, self._workflow
        for each in events:
            number, head = newest[0] if newest else (0, "")
            values = (now, self._boot, self._run, *each.values)
            newest = [(number + 1, link(head, values))]
            rows.append((*values, newest[0][1]))
        if position is not None:
            state, place, step, *stopped = position
            workflow = [(state, place, step, self._boot, self._run, now, *stopped, __version__)]
        with self._safely():
            self._raw.execute("BEGIN IMMEDIATE")
            with self._raw:
                self._raw.executemany(tables.ADD_EVENT, rows)
                if position is not None:
                    self._raw.execute(tables.MOVE, (1, *workflow[0]))
                self._seal(newest, workflow)
        self._newest, self._workflow = newest, workflow

    def prune(self, turns: Sequence[str] = ()) -> int:
        """Let go of old events by the rule of `zflow.journal.pruning`; return how many. Killed in between loses none.

        `turns` are the names of the steps that make a walk a turning point. Raises what `record` does.
        """
        removed = 0
        while (count := self._prune(turns)) and (removed := removed + count) < pruning.MOST:
            pass
        if not count:
            self._shrink()
        return removed

    def _prune(self, turns: Sequence[str]) -> int:
        with self._lock, self._safely():
            if pruning.length(self._raw) <= pruning.ENOUGH:
                return 0
            self._raw.execute("BEGIN IMMEDIATE")
            with self._raw:
                count = pruning.prune(self._raw, turns, pruning.BATCH)
                framed = frame(self._raw)
                self._raw.execute(tables.SEAL, (seal(framed, self._newest, self._workflow),))
            self._frame = framed
            return count

    def attempts_apart(self, turns: Sequence[str], each: int) -> set[tuple[str, str, int]]:
        """Return state, step and number of the attempts in what the rule keeps apart, the last so many of each step."""
        with self._lock, self._safely():
            return pruning.attempts_apart(self._raw, turns, each)

    def _shrink(self) -> None:
        """Write the file anew, within one transaction of SQLite's, where most of it is empty; what fails leaves it."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            pages, free, size = (
                self._raw.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
            if pages * size > pruning.ROOMY and 2 * free > pages:
                self._raw.execute("VACUUM")

    def _seal(self, newest: Rows, workflow: Rows) -> None:
        """Renew the seal within the present transaction."""
        self._raw.execute(tables.SEAL, (seal(self._frame, newest, workflow),))

    def _kept(self, event: Event) -> Event:
        """Return an event as it may be recorded.

        What is not free text is left alone: a password may well be `done`, and the history still says so.
        """
        if event.evidence is None and event.detail is None:
            return event
        return event._replace(evidence=self._text(event.evidence), detail=self._text(event.detail))

    def _text(self, value: str | None) -> str | None:
        return None if value is None else self.cleaned(value)

    def cleaned(self, text: str) -> str:
        """Return a text without secrets, and without the surrogates that stand for bytes which are no UTF-8."""
        cleaned = self._clean(text)
        return cleaned if cleaned.isascii() else cleaned.encode(errors="backslashreplace").decode()

    @contextlib.contextmanager
    def _safely(self) -> Iterator[None]:
        """Say what a failure means. After one other than a full volume this connection is not trusted again."""
        if self._broken is not None:
            raise self._broken
        try:
            yield
        except (DatabaseError, sqlite3.DatabaseError) as error:
            meant = translated(error.orig if isinstance(error, DatabaseError) else error)
            if meant.code is not codes.DISK_FULL:
                self._broken = meant
            raise meant from error

    def close(self) -> None:
        """Close the journal; the last connection folds the write-ahead log into the file."""
        engine = self._connection.engine
        self._connection.close()
        engine.dispose()


def _failure(row: Mapping[Any, Any]) -> Failure | None:
    if row["last_kind"] not in {"failed", "gave-up"} or row["next_try"] is None:
        return None
    return Failure(row["last_kind"], row["last_at"], row["next_try"], row["code"] or "", row["detail"] or "")


NO_FAILURES: Mapping[str, Any] = {"failures": 0, "spent": 0, "due": None}


def _after(record: Record, event: Event) -> Record:
    """Return what is known of a step once `event` has been appended; mirrors the view `step_status`."""
    settled: dict[str, Any] = {}
    if event.kind in VALID:
        seen = {"key": event.key, "evidence": event.evidence or "", "duration": event.duration}
        settled = {"valid": True, **seen, **NO_FAILURES}
    elif event.kind in {"lost", "reset"}:
        settled = {"valid": False, "key": None, "evidence": "", "duration": None, **NO_FAILURES}
    elif event.kind == "failed":
        spent = record.spent + (event.next_try != record.due)
        settled = {"failures": record.failures + 1, "spent": spent, "due": event.next_try}
    elif event.kind == "gave-up":
        settled = {**NO_FAILURES}
    return record._replace(
        **settled,
        unfinished=event.kind in UNFINISHED or (event.kind == "reset" and record.unfinished),
        in_flight=event.kind == "started",
        asked=event.kind == "reset" or (record.asked and event.kind not in VALID and event.kind != "lost"),
        undecided=event.kind in {"started", "interrupted"} or (event.kind == "blocked" and event.code == codes.ASK.id),
        attempt=event.attempt if event.attempt is not None else record.attempt,
        deaths=0,
    )


def _as_is(text: str) -> str:
    return text


def open_journal(volume: Path, *, clock: Clock, boot: str, run: str, clean: Callable[[str], str] = _as_is) -> Journal:
    """Open the volume's journal for writing, made or brought to today's schema first.

    The caller holds the walker's lock. `clean` takes the secrets out of what is free text in what is recorded: evidence
    and details. Raises OperatorError: JOURNAL_NEWER, JOURNAL_DAMAGED, JOURNAL_AWAY, VOLUME_READ_ONLY,
    DISK_FULL, NO_INODES, NOT_A_FOLDER, NOT_A_FILE or OPEN_TO_OTHERS.
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
    return Journal(connection, ballast, clock=clock, boot=boot, run=run, clean=clean)


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
        _raw(connection).execute("BEGIN IMMEDIATE")

    return engine


def _connect(engine: Engine, path: Path, *, wal: bool) -> Connection:
    connection = engine.connect()
    raw = _raw(connection)
    wanted = "wal" if wal else "delete"
    answer = raw.execute(f"PRAGMA journal_mode={wanted}").fetchone()[0]
    if answer != wanted:
        raise OperatorError(codes.VOLUME_READ_ONLY, f"SQLite keeps journal mode {answer!r} for {path}, not {wanted!r}")
    raw.execute(f"PRAGMA synchronous={'FULL' if wal else 'EXTRA'}")
    raw.execute("PRAGMA foreign_keys=ON")
    raw.execute("PRAGMA temp_store=MEMORY")  # else in /var/tmp, which is the container's and may be small
    path.chmod(0o600)
    return connection


def _raw(connection: Connection) -> sqlite3.Connection:
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def _to_head(connection: Connection, copies: Path, clock: Clock, *, old: bool) -> None:
    """Bring the journal to today's schema after a look at what it is; `old` says that it had one before."""
    with connection.begin():
        known = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name='alembic_version'").scalar()
        revision = known and connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if revision and revision not in REVISIONS:
        raise OperatorError(codes.JOURNAL_NEWER, f"its schema is {revision}, zflow {__version__} knows up to {HEAD}")
    if old and not revision:
        raise OperatorError(codes.JOURNAL_DAMAGED, "it is empty, and was not")
    if revision and (damage := wrong(_raw(connection), RECENT)) is not None:
        raise OperatorError(codes.JOURNAL_DAMAGED, damage)
    if revision == HEAD:
        return
    if revision:
        _keep_copy(connection, copies / f"journal-{revision}-{stamp(clock()).replace(':', '')}.sqlite3")
    from zflow.journal.migrate import upgrade

    upgrade(connection)


def _keep_copy(connection: Connection, copy: Path) -> None:
    """Write a copy of the journal; it bears its name only when it is whole and on the disk: SQLite does not sync it."""
    beside = copy.with_name("new")
    beside.unlink(missing_ok=True)
    _raw(connection).execute("VACUUM INTO ?", (str(beside),))
    beside.chmod(0o600)
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    beside.rename(copy)
    sync_folder(copy.parent)


def _fill(path: Path) -> None:
    if not path.exists() or path.stat().st_size < BALLAST:
        with contextlib.suppress(OSError), path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST)
