"""`python -m tests.crash.power --cuts N --seed S`: the real journal and the ways states write files, under power cuts.

Process after process walks a product over an ext4 and is cut off at a point; after each cut the volume is looked at
from outside. What was acknowledged, by a commit that returned, has to be there: the journal's lines, and the content of
what they call done. Runs in a mount namespace of its own, so that nothing stays mounted, however it ends.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from tests.crash.cut import cut, device, power_up
from tests.engine.toy import Bench, product
from zflow.context import Context
from zflow.host.files import remove_tree, sync_folder, sync_volume, write_atomic
from zflow.journal.event import VALID, Event
from zflow.journal.reader import events, reading
from zflow.journal.seal import broken_link
from zflow.journal.writer import Journal, Position
from zflow.step import Evidence, Product, Step
from zflow.walk import attempt

FILES = 24
SIZE = 6000
"""Bytes of a file of bulk work: more than fits into an inode, less than is written back at once."""
POINTS = 150
"""Points of an undisturbed walk, nearly; a cut is at one of them."""


@dataclass
class Mains:
    """Counts the points of one process and cuts its power at one of them; `say` tells the world outside."""

    volume: Path
    fatal: int
    say: Callable[[str], None]
    sync: Callable[[Path], None] = sync_volume
    passed: int = 0

    def point(self) -> None:
        """Pass a point, or lose power there."""
        self.passed += 1
        if self.passed == self.fatal:
            cut(self.volume)
            os._exit(9)


def content(name: str, number: int) -> str:
    """Return what a file must hold."""
    return hashlib.sha256(f"{name}/{number}".encode()).hexdigest() * (SIZE // 64)


def is_whole(folder: Path) -> bool:
    """Tell whether all files of bulk work are there with their content."""
    try:
        return all((folder / str(each)).read_text() == content(folder.name, each) for each in range(FILES))
    except OSError:
        return False


def look(volume: Path, name: str) -> bool:
    """Tell by content, not by what a probe asks, whether a step's result is there."""
    word, place = name.split(".")[1], volume / name
    if word == "file":
        return place.is_file() and place.read_text() == content(name, 0)
    return is_whole(place)


def toy(mains: Mains) -> Product:
    """Return one step for each way in which states write: a file, bulk work, a marked tree in a stage, its move."""

    def fill(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for each in range(FILES):
            (folder / str(each)).write_text(content(folder.name, each))
            mains.point()

    def file(ctx: Context) -> None:
        write_atomic(ctx.volume / "one.file", content("one.file", 0))
        mains.point()

    def marked(ctx: Context) -> None:
        remove_tree(ctx.stage / "three.moved")
        fill(ctx.stage / "three.moved")
        mains.sync(ctx.stage)
        write_atomic(ctx.stage / "mark", "complete")
        mains.point()

    def moved(ctx: Context) -> None:
        if (staged := ctx.stage / "three.moved").exists():
            (ctx.volume / "three.moved").mkdir(exist_ok=True)
            for each in sorted(staged.iterdir()):
                each.rename(ctx.volume / "three.moved" / each.name)
                mains.point()
            staged.rmdir()
        mains.sync(ctx.volume)
        (ctx.stage / "mark").rename(ctx.volume / "moved")
        sync_folder(ctx.volume)
        mains.point()

    def is_marked(volume: Path) -> bool:
        return (volume / ".zflow/stage/mark").exists() or (volume / "moved").exists()

    return product(
        _step("one.file", lambda volume: look(volume, "one.file"), file),
        _step(
            "one.bulk", lambda volume: look(volume, "one.bulk"), lambda ctx: fill(ctx.volume / "one.bulk"), once=True
        ),
        _step("two.marked", is_marked, marked, once=True),
        _step("three.moved", lambda volume: (volume / "moved").exists(), moved, once=True),
        _step("three.more", lambda volume: look(volume, "three.more"), lambda ctx: fill(ctx.volume / "three.more")),
    )


def _step(name: str, holds: Callable[[Path], bool], apply: Callable[[Context], None], **options: Any) -> Step:
    def probe(ctx: Context) -> Evidence | None:
        return Evidence("there") if holds(ctx.volume) else None

    return Step(name, name, probe, apply, **options)


def walk(mains: Mains) -> str:
    """Walk as one process, passing points; everything acknowledged is said outside before the walk goes on."""
    record = Journal.record

    def recorded(journal: Journal, batch: Sequence[Event], position: Position | None = None) -> None:
        mains.point()
        record(journal, batch, position)
        for each in batch:
            mains.say(json.dumps([each.step, each.kind, journal._newest[0][1]]))
        mains.point()

    def synced(folder: Path) -> None:
        mains.point()
        mains.sync(folder)
        mains.point()

    with mock.patch.object(Journal, "record", recorded), mock.patch.object(attempt, "sync_volume", synced):
        return Bench(mains.volume).walk(toy(mains))


def in_child(volume: Path, fatal: int, sync: Callable[[Path], None]) -> tuple[int, list[list[str]]]:
    """Walk in a process of its own; return its exit code and what it acknowledged: step, kind, the chain's head."""
    reading_end, writing_end = os.pipe()
    if (pid := os.fork()) == 0:
        mains = Mains(volume, fatal, lambda line: void(os.write(writing_end, f"{line}\n".encode())), sync)
        os._exit(0 if walk(mains) == "serving" else 1)
    os.close(writing_end)
    with os.fdopen(reading_end) as pipe:
        acknowledged = [json.loads(line) for line in pipe]
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), acknowledged


def void(_value: object) -> None:
    """Take a value and leave it."""


@dataclass
class Findings:
    """What the cuts have shown."""

    cuts: int = 0
    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)


def one_volume(folder: Path, dice: random.Random, findings: Findings, most: int, sync: Callable[[Path], None]) -> None:
    """Cut one volume's power again and again until a walk ends; add to the findings."""
    with device(folder) as volume:
        (volume / ".zflow").mkdir(mode=0o700)
        told: list[list[str]] = []
        for _ in range(most):
            fatal = dice.randint(1, POINTS)
            code, acknowledged = in_child(volume, fatal, sync)
            told += acknowledged
            findings.acknowledged += len(acknowledged)
            if code != 9:
                break
            findings.cuts += 1
            power_up(volume)
            findings.lost += [f"{each} after the cut at point {fatal}" for each in lacking(volume, told)]
        code, acknowledged = in_child(volume, 0, sync)
        findings.lost += [] if code == 0 else ["the last walk did not come to its end"]
        findings.lost += [f"{each} in the end" for each in lacking(volume, told + acknowledged)]


def lacking(volume: Path, told: list[list[str]]) -> list[str]:
    """Return what was acknowledged and is not there."""
    if not told:
        return []
    with reading(volume) as journal:
        broken, rows = broken_link(journal), events(journal)
    hashes = {row["hash"] for row in rows}
    missing = [] if broken is None else [f"the chain at {broken}"]
    missing += [f"the line {kind} of {step}" for step, kind, head in told if head not in hashes]
    valid = {step for step, kind, _ in told if step and kind in VALID} - {"two.marked"}
    missing += [f"the content of {step}" for step in sorted(valid) if not look(volume, step)]
    marked = any(step == "two.marked" and kind in VALID for step, kind, _ in told)
    return missing + (["the marked tree"] if marked and not somewhere(volume) else [])


def somewhere(volume: Path) -> bool:
    """Tell whether each file of the marked tree is whole, in the stage or where it is being moved to."""
    places = (volume / ".zflow/stage/three.moved", volume / "three.moved")
    return all(
        any(
            (place / str(each)).is_file() and (place / str(each)).read_text() == content("three.moved", each)
            for place in places
        )
        for each in range(FILES)
    )


def run(cuts: int, seed: int, sync: Callable[[Path], None] = sync_volume) -> Findings:
    """Cut so many times, with the protocol's sync or another; return what was found."""
    findings, number = Findings(), 0
    while findings.cuts < cuts and not findings.lost:
        dice = random.Random(f"{seed}-{number}")
        with tempfile.TemporaryDirectory(prefix="zflow-power-") as folder:
            one_volume(Path(folder), dice, findings, cuts - findings.cuts, sync)
        number += 1
    return findings


def main() -> int:
    """Print the findings as JSON; 1 when anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unsynced", action="store_true", help="leave out the protocol's sync, to see it found")
    options = parser.parse_args()
    findings = run(options.cuts, options.seed, void if options.unsynced else sync_volume)
    print(json.dumps(asdict(findings)))
    return 1 if findings.lost else 0


if __name__ == "__main__":
    sys.exit(main())
