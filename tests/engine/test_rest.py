"""A walk ends only when everything is at rest; what stops one state, what wakes a stopped walk, and its time limits."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.toy import Bench, effects, file_step, product
from zflow.codes import NOT_PROVEN, SETTINGS, TIME_LIMIT
from zflow.context import Context
from zflow.errors import OperatorError, TransientError
from zflow.journal.event import IN_ORDER, Event
from zflow.step import Drift, Evidence, Probe, Product, Scope, Step, Watch
from zflow.supervise.inputs import signature
from zflow.walk import ahead, tidy, walker
from zflow.walk.walker import Walker, listed


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a bench over an empty volume."""
    return Bench(tmp_path)


def undoing(name: str, victim: str, times: int) -> Step:
    """Return a step that removes another step's result whenever it acts, and acts so many times."""
    done: list[None] = []

    def probe(ctx: Context) -> Evidence | None:
        return Evidence("at rest") if len(done) >= times and (ctx.volume / name).exists() else None

    def apply(ctx: Context) -> None:
        done.extend([None] * (times if times < 9 else 1))
        (ctx.volume / name).write_text(name)
        (ctx.volume / victim).unlink(missing_ok=True)

    return replace(file_step(name), probe=probe, apply=apply)


def test_what_a_later_step_undid_is_brought_back_in_the_same_walk(bench: Bench) -> None:
    """A step that takes another's result away does not leave the walk serving without it."""
    what = product(file_step("one.a"), undoing("two.b", "one.a", 1))
    assert bench.walk(what) == "serving"
    assert (bench.volume / "one.a").exists()
    assert bench.kinds("one.a") == ["started", "done", "lost", "started", "done"]


def test_steps_that_never_come_to_rest_fail_the_walk(bench: Bench) -> None:
    """Two steps that undo each other are not called serving: the walk fails and is tried again later."""
    fighting = product(
        replace(file_step("one.a"), apply=lambda ctx: _swap(ctx, "one.a", "one.b")),
        replace(file_step("one.b"), apply=lambda ctx: _swap(ctx, "one.b", "one.a")),
    )
    assert bench.walk(fighting) == "failed"
    assert bench.position()["code"] == NOT_PROVEN.id
    assert bench.position()["next_try"] is not None


def _swap(ctx: Context, mine: str, other: str) -> None:
    (ctx.volume / mine).write_text(mine)
    (ctx.volume / other).unlink(missing_ok=True)


def test_a_detached_state_does_not_keep_later_ones_from_being_walked(bench: Bench) -> None:
    """What is blocked in a detached state blocks the walk at its end, after the later states have been walked."""

    def refuse(_ctx: Context) -> None:
        raise OperatorError(SETTINGS, "no")

    what = product(file_step("one.a"), replace(file_step("two.b"), apply=refuse), file_step("three.c"))
    detached = replace(what, states=tuple(replace(state, detached=state.name == "two") for state in what.states))
    assert bench.walk(detached) == "blocked"
    assert effects(bench.volume) == ["one.a", "three.c"]
    at = bench.position()
    assert (at["place"], at["step"], at["code"]) == ("two", "two.b", SETTINGS.id)


def lingering(bench: Bench, what: Product) -> str | None:
    """Walk once and return why a stopped walk is to be walked again while background work goes on."""
    with closing(bench.journal()) as journal:
        journal.restore(listed(what))
        walking = Walker(what, journal, bench.surroundings(), bench.wake)
        try:
            assert walking.walk("test") in {"blocked", "failed"}
            return walking.linger()
        finally:
            bench.stopping.set()
            walking.close()


def slow_ahead(name: str) -> Step:
    """Return a background step that ends only when it is told to stop."""
    return replace(file_step(name, ahead=True), apply=lambda ctx: ctx.pause(600))


@pytest.mark.parametrize("reason", ["resume", "time for the next try", "changed: it"])
def test_a_stopped_walk_goes_on_although_background_work_does(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    """The operator's word, the time, and a changed file have the walk go on, as they would without background work."""
    monkeypatch.setattr(walker, "MOMENT", 0.001)
    watched = bench.volume / "certificate"

    def refuse(ctx: Context) -> None:
        if reason == "resume":
            bench.wake.set()
        if reason == "time for the next try":
            raise TransientError(NOT_PROVEN, "no")
        raise OperatorError(SETTINGS, "no")

    def files(_ctx: Context) -> tuple[Watch, ...]:
        return (Watch("it", paths=(str(watched),)),)

    what = replace(
        product(replace(file_step("one.a"), apply=refuse, retry="never"), slow_ahead("two.b")), watched_files=files
    )
    (bench.volume / ".zflow").mkdir()
    if reason == "changed: it":

        def renewed(paths: tuple[str, ...]) -> str:
            found = signature(paths)
            watched.write_text("renewed" * (1 + len(watched.read_text()) if watched.exists() else 1))
            return found

        monkeypatch.setattr("zflow.walk.watchlist.signature", renewed)
    assert lingering(bench, what) == reason


def test_a_woken_back_off_reads_the_settings_anew(bench: Bench) -> None:
    """When the operator ends a back-off, the next attempt sees the settings of then."""
    loaded: list[str] = []

    def attempt(_ctx: Context) -> None:
        if len(loaded) < 2:
            bench.wake.set()
            raise TransientError(NOT_PROVEN, "not yet")

    (bench.volume / ".zflow").mkdir()
    what = product(file_step("one.a", before=attempt, retry="network"))
    with closing(bench.journal()) as journal:
        journal.restore(listed(what))
        walking = Walker(what, journal, bench.surroundings(), bench.wake, lambda: loaded.append("again"))
        assert walking.walk("test") == "serving"
        walking.close()
    assert len(loaded) == 2


def test_a_steps_time_covers_all_that_it_does(bench: Bench) -> None:
    """The limit is of the attempt, not of each command or pause: many short ones together end by it."""

    def dawdle(ctx: Context) -> None:
        while True:
            ctx.shell.run("true")
            ctx.pause(0.01)

    assert bench.walk(product(file_step("one.a", before=dawdle, timeout=0.2, retry="never"))) == "failed"
    assert bench.position()["code"] == TIME_LIMIT.id


def test_what_breaks_while_background_work_is_awaited_is_repaired(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A walk that waits for work ahead of time keeps looking: a result that is gone meanwhile is brought back."""
    monkeypatch.setattr(ahead, "PATROL", 0.02)
    lost = threading.Event()

    def search(ctx: Context) -> None:
        while "done" not in bench.kinds("one.a"):
            ctx.pause(0.01)
        (ctx.volume / "one.a").unlink()
        lost.set()
        while effects(ctx.volume).count("one.a") < 2:
            ctx.pause(0.01)

    what = product(file_step("one.a"), file_step("two.dh", before=search, ahead=True))
    assert bench.walk(what) == "serving"
    assert lost.is_set()
    assert bench.kinds("one.a") == ["started", "done", "lost", "started", "done"]


def test_a_stopped_detached_state_does_not_hide_what_a_later_step_undid(bench: Bench) -> None:
    """With one state blocked the rest is at rest all the same before the walk is called stopped."""

    def refuse(_ctx: Context) -> None:
        raise OperatorError(SETTINGS, "no")

    what = product(file_step("one.a"), replace(file_step("two.b"), apply=refuse), undoing("three.c", "one.a", 1))
    what = replace(what, states=tuple(replace(state, detached=state.name == "two") for state in what.states))
    assert bench.walk(what) == "blocked"
    assert (bench.volume / "one.a").exists()
    assert bench.kinds("two.b") == ["started", "blocked"]


def test_what_is_stopped_is_not_tried_again_at_every_look_round(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """While work is awaited a blocked state is left alone, and the steps' audits are asked only once."""
    monkeypatch.setattr(ahead, "PATROL", 0.01)
    audits: list[None] = []

    def refuse(_ctx: Context) -> None:
        raise OperatorError(SETTINGS, "no")

    def audit(ctx: Context) -> Evidence | None:
        audits.append(None)
        return Evidence("there") if (ctx.volume / "one.a").exists() else None

    what = product(
        file_step("one.a", audit=audit),
        replace(file_step("two.b"), apply=refuse),
        file_step("three.dh", before=lambda ctx: ctx.pause(0.3), ahead=True),
    )
    what = replace(what, states=tuple(replace(state, detached=state.name == "two") for state in what.states))
    assert bench.walk(what, deep=True) == "blocked"
    assert bench.kinds("two.b") == ["started", "blocked"]
    assert len(audits) == 1


def test_steps_that_undo_each_other_in_a_watched_file_fail_the_walk(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a watched file changes lets a walk look on, yet not for ever."""
    monkeypatch.setattr(walker, "EXCHANGES", 5)
    file, swaps = bench.volume / "watched", []

    def swap(name: str) -> Step:
        def probe(_ctx: Context) -> Evidence | None:
            return Evidence(name) if file.exists() and file.read_text().startswith(name) else None

        def apply(_ctx: Context) -> None:
            swaps.append(name)
            if len(swaps) > 50:
                raise OperatorError(SETTINGS, "for ever")
            file.write_text(f"{name}{len(swaps)}")

        return replace(file_step(name), probe=probe, apply=apply)

    what = product(swap("one.a"), swap("one.b"))
    what = replace(what, watched_files=lambda _ctx: (Watch("it", paths=(str(file),)),))
    assert bench.walk(what) == "failed"
    assert bench.position()["code"] == NOT_PROVEN.id


def test_inputs_that_change_from_look_to_look_are_no_sign_of_unrest(bench: Bench) -> None:
    """While somebody exchanges a watched file again and again, a walk takes each; none counts as a failure."""
    file = bench.volume / "certificate"
    file.write_text("0")
    taken = bench.volume / "taken"

    def probe(_ctx: Context) -> Evidence | None:
        return Evidence(file.read_text()) if taken.exists() and taken.read_text() == file.read_text() else None

    def apply(_ctx: Context) -> None:
        taken.write_text(file.read_text())

    def disturb(_ctx: Context) -> Evidence:
        number = int(file.read_text())
        if number < 9 and taken.read_text() == file.read_text():
            file.write_text(str(number + 1))
        return Evidence("disturbs")

    steps = (
        replace(file_step("one.a"), probe=probe, apply=apply, inputs=lambda _ctx: file.read_text()),
        replace(file_step("one.b"), probe=disturb),
    )
    what = replace(product(*steps), watched_files=lambda _ctx: (Watch("it", paths=(str(file),)),))
    assert bench.walk(what) == "serving"
    assert taken.read_text() == "9"
    assert {row["kind"] for row in bench.events("one.a")} == {"started", "done"}


def audited(name: str, looks: list[str]) -> Step:
    """Return a step that remembers which of its looks was asked."""
    step = file_step(name)

    def look(kind: str) -> Probe:
        def asked(ctx: Context) -> Evidence | Drift | None:
            looks.append(kind)
            return step.probe(ctx)

        return asked

    return replace(step, probe=look("probe"), audit=look("audit"))


@pytest.mark.parametrize(
    ("end", "first"),
    [
        (Event("ended", detail=IN_ORDER), "probe"),
        (Event("ended", code="ZF-1010", detail="stopping the services: no answer"), "audit"),
        (Event("reset", state="one", step="one.b", detail="requested by the operator"), "audit"),
        (None, "audit"),
    ],
    ids=["in order", "services did not stop", "reset from elsewhere", "power cut"],
)
def test_a_start_after_an_unclean_end_looks_thoroughly_once(bench: Bench, end: Event | None, first: str) -> None:
    """The audits are asked until all was found valid; after an orderly stop the probes are enough."""
    looks: list[str] = []
    what = product(audited("one.a", looks))
    assert bench.walk(what) == "serving"
    if end is not None:
        with closing(bench.journal()) as journal:
            journal.restore(listed(what))
            journal.record([end])
    bench.boot = "boot-2"
    looks.clear()
    assert [bench.walk(what) for _ in range(2)] == ["serving"] * 2
    assert looks == [first, "probe"]
    assert (walker.SUSPECT in bench.said) == (first == "audit")


def test_a_thorough_look_that_came_to_its_end_is_not_made_again(bench: Bench) -> None:
    """One start looks thoroughly once, also where a state that the others do not wait for stays stopped."""
    looks: list[str] = []
    stopped = replace(file_step("one.a"), apply=_refused)
    what = product(stopped, audited("two.b", looks))
    what = replace(what, states=tuple(replace(state, detached=state.name == "one") for state in what.states))
    assert bench.walk(what) == "blocked"
    bench.boot = "boot-2"
    looks.clear()
    assert [bench.walk(what) for _ in range(3)] == ["blocked"] * 3
    assert looks == ["audit", "probe", "probe"]
    bench.boot = "boot-3"
    looks.clear()
    assert bench.walk(what) == "blocked"
    assert looks == ["audit"]


def _refused(_ctx: Context) -> None:
    raise OperatorError(SETTINGS, "no")


def test_an_end_that_cannot_tidy_up_ends_the_walk_all_the_same(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect in what nobody waits for is logged, and does not take the walker down after each walk."""
    monkeypatch.setattr(tidy, "NAME", None)
    logs = bench.volume / ".zflow/logs"
    (logs / "one").mkdir(parents=True)
    (logs / "one/a.1.log").write_text("what it printed")
    assert bench.walk(product(file_step("one.a"))) == "serving"
    assert "AttributeError" in (logs / "product/product.log").read_text()


def test_what_a_thorough_look_did_not_come_to_is_made_up_for(bench: Bench) -> None:
    """A walk that was stopped before its end leaves the thorough look to the next one of the same start."""
    looks: list[str] = []
    barred = [True]

    def refuse(_ctx: Context) -> None:
        if barred:
            raise OperatorError(SETTINGS, "no")

    what = product(file_step("one.a", scope=Scope.BOOT), audited("two.b", looks))
    assert bench.walk(what) == "serving"
    (bench.volume / "one.a").unlink()
    bench.boot = "boot-2"
    looks.clear()
    assert bench.walk(product(file_step("one.a", before=refuse), audited("two.b", looks))) == "blocked"
    assert looks == []
    barred.clear()
    assert bench.walk(what) == "serving"
    assert looks[0] == "audit"
