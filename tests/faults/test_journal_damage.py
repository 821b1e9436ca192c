"""A damaged journal: flipped bits and cut files. Each is recognised or harmless, put aside on the word, and rebuilt.

A journal may hold anything after damage, and still must never be believed: what a reader shows is what was there, or
it says ZF-1004; what a writer walks on with is what was there, or, where the end of the write-ahead log is gone, what
an earlier commit left, as after a power cut.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engine.toy import Bench, effects, file_step, product
from tests.faults.matrix import LONG, chance, judge
from zflow import codes
from zflow.commands.group import main
from zflow.commands.looking import describe
from zflow.context import Context
from zflow.errors import OperatorError
from zflow.journal.layout import home
from zflow.journal.reader import Row, events, position, reading, steps
from zflow.status.document import as_json, gather
from zflow.status.view import as_text
from zflow.step import Product
from zflow.walk.aside import put_aside

STORY = "damaged journal"
REFUSALS = {codes.JOURNAL_DAMAGED.id, codes.JOURNAL_NEWER.id}
"""A flipped bit in the revision's number makes a newer one of it: refused as well."""
BITS = 24 if LONG else 2
"""Flipped bits for each page of a file, one at a time."""
PAGE = 4096
FRAME = 24 + PAGE
"""Bytes of a page in the write-ahead log with its header (sqlite.org/fileformat2.html#walformat)."""
NAMES = [f"{state}.{number}" for state in ("one", "two") for number in range(4)]

View = tuple[Row | None, list[Row], list[Row]]


@dataclass(frozen=True)
class Template:
    """The files of a journal before damage, and what is read from them."""

    files: dict[str, bytes]
    view: View


def toy(copy: Path | None = None) -> Product:
    """Return the product; with `copy`, the journal's files are copied there in the middle of the last step."""

    def copied(ctx: Context) -> None:
        if copy is not None:
            copy.mkdir()
            for path in ctx.home.glob("journal.sqlite3*"):
                shutil.copy(path, copy)

    return product(*(file_step(name, once=name.endswith("0")) for name in NAMES), file_step("two.last", before=copied))


def view(volume: Path) -> View:
    """Return all that a reader sees; it makes sense to people too."""
    document = gather(volume)
    as_text(document)
    as_json(document)
    with reading(volume) as journal:
        found = position(journal), steps(journal), events(journal)
        for row in found[2]:
            describe(row)
    return found


@pytest.fixture(scope="module", name="volume")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume that was walked twice, with the journal as it lay in the middle of the first walk beside it."""
    volume = tmp_path_factory.mktemp("volume")
    assert Bench(volume).walk(toy(volume / "cut")) == "serving"
    assert Bench(volume, "boot-2").walk(toy()) == "serving"
    return volume


def template(volume: Path, folder: Path) -> Template:
    """Return the journal whose files lie in a folder."""
    files = {path.name: path.read_bytes() for path in folder.glob("journal.sqlite3*")}
    place(volume, files)
    return Template(files, view(volume))


def place(volume: Path, files: dict[str, bytes]) -> None:
    """Put these files in the journal's place, and no others."""
    for path in home(volume).glob("journal.sqlite3*"):
        path.unlink()
    for name, content in files.items():
        (home(volume) / name).write_bytes(content)


def flips(content: bytes, unit: int, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the content with one bit flipped: some by chance in each page or frame, and in the file's header."""
    source = chance(name)
    places = [source.randrange(min(100, len(content)) * 8) for _ in range(BITS)]
    for begin in range(0, len(content), unit):
        bits = (min(begin + unit, len(content)) - begin) * 8
        places += [begin * 8 + source.randrange(bits) for _ in range(BITS)]
    for bit in places:
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        yield f"{name}: bit {bit} flipped", bytes(damaged)


def cuts(content: bytes, header: int, unit: int, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the content cut at the end of each page or frame, in its middle, and one byte before its end."""
    for begin in range(header, len(content), unit):
        for end in sorted({begin, begin + unit // 2, begin + unit - 1}):
            yield f"{name}: cut to {end} bytes", content[:end]


def outcome(volume: Path, before: View, *, shorter: bool) -> str:
    """Say what reader, `journal verify` and writer make of a journal; what begins with `!` is wrong."""
    try:
        seen: View | str = view(volume)
    except OperatorError as error:
        seen = error.code.id
    verified = main(["journal", "verify"])
    try:
        with closing(Bench(volume, "boot-3").journal()):
            pass
    except OperatorError as error:
        fits = error.code.id in REFUSALS and verified == 5
        return f"refused: {error.code.id}" if fits else f"! writer {error}, verify {verified}, reader {str(seen)[:60]}"
    after = view(volume)
    if after == before and verified == 0:
        return "harmless: all is as it was" if seen == before else f"! the reader saw something else: {str(seen)[:60]}"
    kept = after[2]
    if shorter and kept == before[2][: len(kept)]:
        return "harmless: as before an earlier commit"
    return f"! verify {verified}, silently another content"


def try_all(
    volume: Path, what: str, before: View, damages: Iterator[tuple[str, dict[str, bytes]]], *, shorter: bool
) -> None:
    """Judge every damage; of each kind of refusal a few are rebuilt from the volume."""
    found: Counter[str] = Counter()
    wrong, rebuilt = [], 0
    for name, files in damages:
        place(volume, files)
        try:
            verdict = outcome(volume, before, shorter=shorter)
        except Exception as error:  # noqa: BLE001 - a traceback is what must not be
            verdict = f"! {type(error).__name__}: {error}"
        found[verdict] += 1
        if verdict.startswith("!"):
            wrong.append(f"{name}: {verdict}")
        elif verdict.startswith("refused") and found[verdict] % (10 if LONG else 40) == 1:
            rebuilt += 1
            wrong += rebuild(volume, name, files)
    good = Counter({verdict: count for verdict, count in found.items() if not verdict.startswith("!")})
    judge(STORY, what, found.total(), wrong, good)
    if rebuilt:
        judge(STORY, f"{what}: some put aside and rebuilt", rebuilt, [], "kept as it was, nothing done twice")


def rebuild(volume: Path, name: str, files: dict[str, bytes]) -> list[str]:
    """Put a damaged journal aside and walk; return what was wrong with that."""
    place(volume, files)
    before = effects(volume)
    aside = put_aside(volume)
    wrong = []
    if (aside / "journal.sqlite3").read_bytes() != files["journal.sqlite3"]:
        wrong.append(f"{name}: it was not kept as it was")
    shutil.rmtree(aside)
    bench = Bench(volume, "boot-4")
    if bench.walk(toy()) != "serving" or bench.kinds("one.0") != ["satisfied"] or effects(volume) != before:
        wrong.append(f"{name}: the walk did not find out by its probes what is there")
    return wrong


@pytest.fixture(autouse=True)
def _operated(volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZFLOW_VOLUME", str(volume))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["flips", "cuts"])
def test_damage_to_a_journal_at_rest_is_recognised_or_harmless(volume: Path, how: str) -> None:
    """Every page with flipped bits, and every length: refused by reader and writer, or the same content as before."""
    whole = template(volume, home(volume))
    content = whole.files["journal.sqlite3"]
    changed = flips(content, PAGE, "journal") if how == "flips" else cuts(content, 0, PAGE, "journal")
    damages = ((name, {"journal.sqlite3": damaged}) for name, damaged in changed)
    try_all(volume, f"at rest, {how}", whole.view, damages, shorter=False)
    place(volume, whole.files)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["", "-wal", "-shm"])
@pytest.mark.parametrize("how", ["flips", "cuts"])
def test_damage_after_a_kill_is_recognised_or_harmless(volume: Path, how: str, part: str) -> None:
    """File, write-ahead log and shared memory of a killed walker: what the log loses is as after a power cut."""
    at_rest = {path.name: path.read_bytes() for path in home(volume).glob("journal.sqlite3*")}
    killed = template(volume, volume / "cut")
    name = f"journal.sqlite3{part}"
    content, (header, unit) = killed.files[name], (32, FRAME) if part == "-wal" else (0, PAGE)
    changed = flips(content, unit, name) if how == "flips" else cuts(content, header, unit, name)
    damages = ((what, killed.files | {name: damaged}) for what, damaged in changed)
    try_all(volume, f"after a kill, {how} in the {part[1:] or 'file'}", killed.view, damages, shorter=part == "-wal")
    place(volume, at_rest)
