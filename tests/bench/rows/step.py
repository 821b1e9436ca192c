"""One durable step, its intent and its outcome, beside the bare commit and DBOS Transact."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.figures import Figure, Row, faster, span, within
from tests.bench.measure import answer, counted, side_by_side, syncs
from tests.bench.place import Place

STEPS = 1000
CALLS = ("fsync", "fdatasync", "syncfs")


def measure(place: Place, rounds: int) -> Iterator[Figure]:
    """Walk a thousand steps that do nothing in a process of its own, each contender in turn."""

    def zflow(scope: str) -> float:
        return float(answer("zflow_walk", place.new("zflow"), str(STEPS), "run", scope)["step"])

    def bare() -> float:
        return float(answer("bare_walk", place.new("bare"), str(STEPS))["step"])

    def dbos() -> float:
        return float(answer("dbos_walk", place.new("dbos"), str(STEPS), "run")["step"])

    floor, boot, volume, other = side_by_side(rounds, bare, lambda: zflow("boot"), lambda: zflow("volume"), dbos)
    yield within("one step of the boot", boot, floor, "bare sqlite3, one commit", most=2)
    yield faster(
        "one step of the boot", boot, other, "DBOS 3.4.0, its defaults", least=6, limit=f"{other / floor:.1f} × (bare)"
    )
    against = f"{span(boot)}: one of the boot; the rest is syncfs, for what its commands wrote"
    yield Figure("one step of the volume", span(volume), against, f"{volume / boot:.2f} ×", "", None)
    yield _syncs(place, "boot", 0)
    yield _syncs(place, "volume", 1)


def _syncs(place: Place, scope: str, bulk: int) -> Figure:
    ours = _per_step(place, "zflow_walk", "run", scope)
    theirs = _per_step(place, "dbos_walk", "run")
    commits, others = ours["fsync"] + ours["fdatasync"], theirs["fsync"] + theirs["fdatasync"]
    goal = "1 sync" + " + 1 syncfs" * bulk
    met = round(commits, 1) == 1 and round(ours["syncfs"], 1) == bulk
    words = f"{commits:.2f} syncs, {ours['syncfs']:.2f} syncfs"
    return Figure(f"syncs, a step of the {scope}", words, f"{others:.2f}: DBOS", "", goal, met, "1")


def _per_step(place: Place, subject: str, *arguments: str) -> dict[str, float]:
    """Return the calls that one step more costs."""
    found = []
    for count in (1, STEPS + 1):
        folder = place.new("counted")
        answer(subject, folder, str(count), *arguments, prefix=syncs(folder / "counts", *CALLS))
        found.append(counted(folder / "counts"))
    one, many = found
    return {call: (many.get(call, 0) - one.get(call, 0)) / STEPS for call in CALLS}


ROW = Row("step", measure)
