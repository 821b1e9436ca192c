"""Of the moments of a walk some are chosen by dice, and what lies on the volume's device then is kept."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.disk import Pool
from zflow.errors import OperatorError
from zflow.journal.reader import Row, events, reading

DISK = "disk"
"""The file with the volume's file system."""
VENDOR = ("install.software", "install.setup")
ELSEWHERE = "elsewhere"
AHEAD = frozenset({"install.archive", "tls.dh"})
"""They run beside the others; a moment is told by those."""


@dataclass(frozen=True)
class Image:
    """What lay on the device at one moment, and what the journal had acknowledged just before."""

    name: str
    point: str
    hashes: frozenset[str]


@dataclass
class Album:
    """Keeps the same number of images of each kind of moment, however long that lasts: each moment is as likely.

    Of moments whose number is not known beforehand: the n-th takes the place of a kept one with the chance of places/n.
    """

    pool: Pool
    dice: random.Random
    places: Mapping[str, int]
    kept: dict[str, list[Image]] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)
    taken: int = 0

    def moment(self, volume: Path) -> None:
        """Take an image, unless the dice are against it or the walk goes on to another step meanwhile."""
        rows = told(volume)
        kind = where(rows)
        images, chosen = self.kept.setdefault(kind, []), self.dice.randrange(self.met[kind] + 1)
        if len(images) == self.places[kind] <= chosen:
            self.met[kind] += 1
            return
        self.taken += 1
        image = Image(f"image-{self.taken}", point(rows), frozenset(row["hash"] for row in rows))
        self.pool.clone(DISK, image.name)
        if where(told(volume)) != kind:
            self.pool.remove(image.name)
            return
        self.met[kind] += 1
        if len(images) == self.places[kind]:
            self.pool.remove(images[chosen].name)
            images[chosen] = image
        else:
            images.append(image)

    def images(self) -> Iterator[Image]:
        """Yield what is kept."""
        for each in self.kept.values():
            yield from each


def told(volume: Path) -> list[Row]:
    """Return what the journal on a volume tells, read from outside; nothing before there is one."""
    try:
        with reading(volume) as journal:
            return events(journal)
    except OperatorError:
        return []


def where(rows: list[Row]) -> str:
    """Return the vendor's installer that is at work, else that it is elsewhere."""
    last = next((row for row in reversed(rows) if row["step"] and row["step"] not in AHEAD), None)
    inside = last is not None and last["kind"] == "started" and last["step"] in VENDOR
    return str(last["step"]) if last is not None and inside else ELSEWHERE


def point(rows: list[Row]) -> str:
    """Return a moment's name: the last event and its age."""
    if not rows:
        return "before the journal"
    last = rows[-1]
    return f"{last['step'] or 'walk'} {last['kind']} + {time.time() - last['at']:.2f} s"
