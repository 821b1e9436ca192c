"""The laws of the simulated world, asked of the journal from outside, by the light reader and a fold of our own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.crash.host import Host, Violation
from tests.crash.steps import Kind
from zflow.journal.event import COLUMNS, UNFINISHED, VALID, Event, link
from zflow.journal.reader import Row, events, position, reading, steps
from zflow.journal.record import Record
from zflow.step import Scope, Step
from zflow.walk.machine import SERVING


@dataclass(frozen=True)
class Told:
    """What the history tells of one step."""

    last: str | None = None
    settled: str | None = None
    key: str | None = None
    attempts: int = 0
    unfinished: bool = False


def law(holds: bool, what: str) -> None:
    """Raise Violation unless it holds."""
    if not holds:
        raise Violation(what)


@dataclass
class Ledger:
    """Reads the history as it grows and keeps what it tells, apart from the engine's own view of it."""

    volume: Path
    steps: Mapping[str, tuple[Step, Kind]]
    told: dict[str, Told] = field(default_factory=dict)
    read: int = 0
    head: str = ""
    rested: bool = False
    """The last walk found everything as it should be, and none has begun since."""
    kinds: Counter[str] = field(default_factory=Counter)

    def forget(self) -> None:
        """Begin anew: the journal was put aside."""
        self.told, self.read, self.head, self.rested = {}, 0, "", False

    def check(self) -> None:
        """Read what is new; the chain holds, each event is legal, and the view says what the history says."""
        with reading(self.volume) as journal:
            for row in events(journal, after=self.read):
                follows = row["hash"] == link(self.head, [row[each] for each in COLUMNS])
                law(follows and row["seq"] == self.read + 1, f"the chain breaks at {row}")
                self.read, self.head = row["seq"], row["hash"]
                if row["step"] is None:
                    self.rested = row["kind"] == "checked"
                else:
                    self._hear(row)
            for status in steps(journal):
                self._agree(status)
            at = position(journal)
        if at is not None and at["state"] == SERVING and self.rested:
            invalid = [name for name in self.steps if self.told.get(name, Told()).settled not in VALID]
            law(not invalid, f"at rest and serving, although {invalid} are not valid")

    def _hear(self, row: Row) -> None:
        name, kind = str(row["step"]), str(row["kind"])
        before = self.told.get(name, Told())
        step = self.steps[name][0]
        self.kinds[kind] += 1
        if kind == "started":
            law(row["attempt"] == before.attempts + 1, f"attempt {row['attempt']} of {name} follows {before.attempts}")
            same = before.settled in VALID and before.key == row["key"] and not before.unfinished
            law(not same, f"{name} is done and begun again for nothing")
            law(not (step.once and before.settled in VALID), f"{name}, built once, is begun again")
        if kind == "recovered":
            law(before.last == "started", f"{name} is recovered after {before.last}")
        settling = kind in VALID or kind in {"lost", "reset"}
        self.told[name] = replace(
            before,
            last=kind,
            settled=kind if settling else before.settled,
            key=row["key"] if kind in VALID else None if settling else before.key,
            attempts=row["attempt"] if kind == "started" else before.attempts,
            unfinished=kind in UNFINISHED or (kind == "reset" and before.unfinished),
        )

    def _agree(self, status: Row) -> None:
        told = self.told.get(status["name"], Told())
        view = (status["last_kind"], status["settled_kind"], status["settled_key"])
        law(view == (told.last, told.settled, told.key), f"the view says {view}, the history {told}")


def acknowledged_is_durable(host: Host, all_steps: Mapping[str, tuple[Step, Kind]], batch: Iterable[Event]) -> None:
    """Whatever a commit says is done lies on the disk by then, in all its parts."""
    for each in batch:
        if each.kind in VALID and each.step is not None:
            step, _ = all_steps[each.step]
            where = host.seen if step.scope is Scope.BOOT else host.durable
            lacking = [part for part in host.results[each.step] if part not in where]
            law(not lacking, f"{each.step} is {each.kind}, but a power cut would take {lacking}")


def once_is_once(host: Host, all_steps: Mapping[str, tuple[Step, Kind]]) -> None:
    """What is built once was completed at most once, unless a power cut or the operator took it away."""
    doubled = [name for name, (step, _) in all_steps.items() if step.once and host.completed[name] > 1]
    law(not doubled, f"{doubled} were completed more than once")


def memory_agrees(remembered: Mapping[str, Record], restored: Mapping[str, Record]) -> None:
    """What a process knew at its end is what the next one reads; deaths are counted by the next one alone."""
    for name, record in remembered.items():
        found = restored.get(name, Record())._replace(starts=0)
        law(found == record._replace(starts=0), f"{name}: remembered {record}, restored {found}")


def all_is_well(host: Host, all_steps: Mapping[str, tuple[Step, Kind]]) -> None:
    """When all is valid, every result is there, made from today's inputs."""
    for name, (_, kind) in all_steps.items():
        value = host.inputs[name] if kind.reads else 1
        wrong = [part for part in host.results[name] if host.seen.get(part) != value]
        law(not wrong, f"all is said to be valid, but {wrong} are not as they should be")


def only_named(before: Sequence[Row], after: Sequence[Row], state: str) -> None:
    """A reset touches the steps of the state it names and no others, and forgets nothing of them."""
    for old, new in zip(before, after, strict=True):
        if old["state"] == state:
            law(new["last_kind"] == "reset" and new["settled_key"] is None, f"{old['name']} was not reset: {new}")
        else:
            law(old == new, f"a reset of {state} changed {old} to {new}")
