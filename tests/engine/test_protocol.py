"""One step's protocol: the probe decides, the intent comes before the effect, the outcome says what was seen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from tests.engine.toy import Bench, Crash, again, effects, file_step, product
from zflow import codes
from zflow.commands.looking import describe
from zflow.context import Context
from zflow.errors import Interrupted, OperatorError
from zflow.journal.event import Event
from zflow.journal.writer import Journal, Position
from zflow.step import Drift, Evidence, Scope, Step
from zflow.walk import attempt
from zflow.walk.aside import put_aside
from zflow.walk.walker import listed


def crash(_ctx: Context) -> None:
    """End the process within an apply."""
    raise Crash


def cut_off(bench: Bench, step: Step) -> None:
    """Walk a step whose apply is cut off."""
    with pytest.raises(Crash):
        bench.walk(product(step))


def test_a_step_that_holds_already_is_satisfied_without_its_apply(bench: Bench) -> None:
    """What the world shows needs no effect; the evidence is recorded."""
    (bench.volume / "one.a").write_text("one.a")
    assert bench.walk(product(file_step("one.a"))) == "serving"
    assert effects(bench.volume) == []
    assert [(row["kind"], row["evidence"]) for row in bench.events("one.a")] == [("satisfied", "one.a is there")]


def test_a_step_is_started_before_and_done_after_its_effect(bench: Bench) -> None:
    """The intent is durable before the apply begins, and the outcome carries the probe's evidence."""
    seen: list[str] = []
    step = file_step("one.a", before=lambda _ctx: seen.extend(bench.kinds("one.a")))
    bench.walk(product(step))
    assert seen == ["started"]
    assert bench.kinds("one.a") == ["started", "done"]
    assert bench.events("one.a")[-1]["evidence"] == "one.a is there"


def test_nothing_is_said_before_it_is_on_the_disk(bench: Bench) -> None:
    """Whoever reads that a step is done finds it done in the journal; an apply finds both announced and recorded."""
    told: list[tuple[str, list[str]]] = []

    def say(*lines: str) -> None:
        told.extend((line.partition(" in ")[0], bench.kinds("one.a")) for line in lines if "one.a" in line)

    bench.say = say  # type: ignore[method-assign]
    bench.walk(product(file_step("one.a"), file_step("one.b")))
    assert told == [("make one.a …", ["started"]), ("make one.a: done", ["started", "done"])]


def test_an_outcome_that_cannot_be_recorded_is_not_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full volume keeps the line from being written, and the word from being said."""
    record = Journal.record

    def full(journal: Journal, events: Sequence[Event], position: Position | None = None) -> None:
        if any(each.kind == "done" for each in events):
            raise OperatorError(codes.DISK_FULL, "no room")
        record(journal, events, position)

    monkeypatch.setattr(Journal, "record", full)
    with pytest.raises(OperatorError):
        bench.walk(product(file_step("one.a")))
    assert bench.said == ["── one: the one", "make one.a …"]


@pytest.mark.parametrize(("scope", "synced"), [(Scope.VOLUME, 1), (Scope.BOOT, 0)])
def test_what_lasts_only_until_the_container_ends_is_not_synced(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, scope: Scope, synced: int
) -> None:
    """The volume is synced between effect and outcome; a power cut has a step of the boot done again anyway."""
    calls: list[list[str]] = []
    monkeypatch.setattr(attempt, "sync_volume", lambda _folder: calls.append(bench.kinds("one.a")))
    bench.walk(product(file_step("one.a", scope=scope)))
    assert calls == [["started"]] * synced


def test_a_step_that_still_stands_costs_a_look_and_no_event(bench: Bench) -> None:
    """A second walk over a finished volume records nothing of its steps."""
    for _ in range(2):
        bench.walk(product(file_step("one.a")))
    assert bench.kinds("one.a") == ["started", "done"]


def test_an_attempt_that_took_effect_before_it_was_cut_off_is_recovered(bench: Bench) -> None:
    """The probe sees the effect of an attempt without outcome, so it is not repeated."""
    cut_off(bench, file_step("one.a", before=crash))
    (bench.volume / "one.a").write_text("one.a")
    assert bench.walk(product(file_step("one.a"))) == "serving"
    assert bench.kinds("one.a") == ["started", "recovered"]
    assert effects(bench.volume) == []


def test_an_attempt_without_effect_is_made_again_after_its_cleanup(bench: Bench) -> None:
    """What a cut-off attempt left is removed before the next attempt's intent, and only then."""
    order: list[str] = []
    step = file_step("one.a", cleanup=lambda _ctx: order.append("cleanup"), before=lambda _ctx: order.append("apply"))
    bench.walk(product(file_step("one.b"), again(step, name="one.c", title="c", probe=lambda _ctx: Evidence("ok"))))
    assert order == []
    cut_off(bench, again(step, apply=crash))
    order.clear()
    bench.walk(product(step))
    assert order == ["cleanup", "apply"]
    assert [(row["kind"], row["attempt"]) for row in bench.events("one.a")] == [
        ("started", 1),
        ("started", 2),
        ("done", 2),
    ]


def test_a_journal_begun_anew_does_not_trust_that_nothing_was_begun(bench: Bench) -> None:
    """After an attempt was cut off and the journal put aside, what it left is cleaned up before the first attempt."""
    order: list[str] = []
    step = file_step("one.a", cleanup=lambda _ctx: order.append("cleanup"))
    cut_off(bench, again(step, apply=crash))
    order.clear()
    put_aside(bench.volume)
    bench.walk(product(step))
    assert order == ["cleanup"]
    assert bench.kinds("one.a") == ["started", "done"]


def test_what_a_killed_attempt_left_is_synced_before_it_is_recovered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between effect and sync leaves what a power cut would take: it is on the disk before a line says done."""
    cut_off(bench, file_step("one.a", before=crash))
    (bench.volume / "one.a").write_text("one.a")
    synced: list[list[str]] = []
    monkeypatch.setattr(attempt, "sync_volume", lambda _folder: synced.append(bench.kinds("one.a")))
    bench.walk(product(file_step("one.a")))
    assert synced == [["started"]]
    assert bench.kinds("one.a") == ["started", "recovered"]


def test_a_reset_does_not_forget_that_an_attempt_was_cut_off(bench: Bench) -> None:
    """After the operator's reset the half-done attempt is still cleaned up first."""
    order: list[str] = []
    step = file_step("one.a", cleanup=lambda _ctx: order.append("cleanup"))
    cut_off(bench, again(step, apply=crash))
    order.clear()
    journal = bench.journal()
    journal.restore(listed(product(step)))
    journal.record([Event("reset", state="one", step="one.a")])
    journal.close()
    bench.walk(product(step))
    assert order == ["cleanup"]


@pytest.mark.parametrize("failing", [False, True], ids=["done", "failed"])
def test_an_attempt_that_has_ended_reports_no_progress(bench: Bench, failing: bool) -> None:
    """The status tells how far an attempt is while it runs, and not a moment longer."""
    report = bench.volume / ".zflow/progress/one.a.json"
    seen: list[bool] = []

    def work(ctx: Context) -> None:
        ctx.progress.report(1, 2, "files", "copying")
        seen.append(report.exists())
        if failing:
            raise OperatorError(codes.SETTINGS, "wrong")

    bench.walk(product(file_step("one.a", before=work)))
    assert seen == [True]
    assert not report.exists()


def test_an_effect_that_is_gone_is_lost_and_made_again(bench: Bench) -> None:
    """A journal line alone is never trusted: a deleted artefact is noticed and repaired."""
    bench.walk(product(file_step("one.a")))
    (bench.volume / "one.a").unlink()
    assert bench.walk(product(file_step("one.a"))) == "serving"
    assert bench.kinds("one.a") == ["started", "done", "lost", "started", "done"]


def test_a_lost_once_step_blocks_until_it_is_restored(bench: Bench) -> None:
    """What is built once is not rebuilt by itself; when the operator has restored it, its row is valid again."""
    step = file_step("one.a", once=True)
    bench.walk(product(step))
    (bench.volume / "one.a").unlink()
    for _ in range(2):
        assert bench.walk(product(step)) == "blocked"
        assert bench.position()["code"] == codes.LOST.id
    assert effects(bench.volume) == ["one.a"]
    (bench.volume / "one.a").write_text("one.a")
    assert bench.walk(product(step)) == "serving"
    assert bench.status("one.a")["last_kind"] == "satisfied"


def test_a_once_step_is_not_redone_for_a_new_image_or_a_new_setting(bench: Bench) -> None:
    """Neither revision nor inputs nor a restart touch what is built once."""
    step = file_step("one.a", once=True, inputs=lambda _ctx: "old")
    bench.walk(product(step))
    bench.boot = "boot-2"
    bench.walk(product(again(step, revision=2, inputs=lambda _ctx: "new")))
    assert bench.kinds("one.a") == ["started", "done"]


@pytest.mark.parametrize("was_once", [True, False])
def test_a_step_may_become_once_or_cease_to_be(bench: Bench, was_once: bool) -> None:
    """An image that changes its mind about `once` walks over the older journal."""
    step = file_step("one.a", once=was_once)
    bench.walk(product(step))
    (bench.volume / "one.a").unlink()
    assert bench.walk(product(again(step, once=not was_once))) == ("serving" if was_once else "blocked")


def sees(name: str, content: str) -> Callable[[Context], Evidence | None]:
    """Return a probe that looks for one content."""

    def probe(ctx: Context) -> Evidence | None:
        path = ctx.volume / name
        return Evidence(content) if path.exists() and path.read_text() == content else None

    return probe


def writes(name: str, content: str) -> Callable[[Context], None]:
    """Return an apply that writes this content."""

    def apply(ctx: Context) -> None:
        (ctx.volume / name).write_text(content)

    return apply


def versioned(content: str, **options: object) -> Step:
    """Return a step whose result depends on its input."""
    return Step("one.a", "a", sees("one.a", content), writes("one.a", content), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"inputs": lambda _ctx: "new"}, {"revision": 2}], ids=["inputs", "revision"])
def test_changed_inputs_and_a_new_revision_make_a_step_due(bench: Bench, options: dict[str, object]) -> None:
    """The step is done again, and its journalled key is the new one."""
    bench.walk(product(versioned("old", inputs=lambda _ctx: "old")))
    old = bench.status("one.a")["settled_key"]
    assert bench.walk(product(versioned("new", **options))) == "serving"
    assert bench.kinds("one.a") == ["started", "done", "started", "done"]
    assert bench.status("one.a")["settled_key"] != old


def test_a_boot_step_is_due_at_each_start_and_a_volume_step_is_not(bench: Bench) -> None:
    """After a restart only what lasts until the container ends is looked at and recorded anew."""
    what = product(file_step("one.a"), file_step("one.b", scope=Scope.BOOT))
    bench.walk(what)
    bench.boot = "boot-2"
    (bench.volume / "one.b").unlink()
    bench.walk(what)
    assert bench.kinds("one.a") == ["started", "done"]
    assert bench.kinds("one.b") == ["started", "done", "started", "done"]
    assert [row["boot"] for row in bench.events("one.b")] == ["boot-1", "boot-1", "boot-2", "boot-2"]


def test_a_deep_walk_asks_the_audit(bench: Bench) -> None:
    """On the operator's word the dearer look decides whether a step is done again."""
    step = again(file_step("one.a"), audit=lambda _ctx: None)
    bench.walk(product(step))
    bench.walk(product(step))
    assert bench.kinds("one.a") == ["started", "done"]
    bench.walk(product(step), deep=True)
    assert bench.kinds("one.a") == ["started", "done", "lost", "started", "done"]


def test_evidence_is_what_was_seen_last(bench: Bench) -> None:
    """What a look sees otherwise than the one before is on record, although nothing had to be done or said."""
    seen = ["three of them"]
    step = again(file_step("one.a"), probe=lambda _ctx: Evidence(seen[0]))
    assert bench.walk(product(step)) == "serving"
    bench.said.clear()
    seen[0] = "four of them"
    for _ in range(2):
        assert bench.walk(product(step)) == "serving"
    assert bench.status("one.a")["evidence"] == "four of them"
    assert bench.kinds("one.a") == ["satisfied", "satisfied"]
    assert [row["detail"] for row in bench.events() if row["kind"] == "checked"][
        -1
    ] == "1 step checked, 0 applied, 1 unchanged"
    assert bench.said == []


@pytest.mark.parametrize("changed", ["evidence", "inputs"])
def test_what_an_effect_took_is_known_until_the_next(bench: Bench, changed: str) -> None:
    """A look that finds the result otherwise, or made for other inputs, had nothing to do and measures nothing."""
    path = bench.volume / "one.a"

    def probe(_ctx: Context) -> Evidence | None:
        return Evidence(path.read_text()) if path.exists() else None

    step = again(file_step("one.a"), probe=probe)
    bench.walk(product(step))
    took = bench.status("one.a")["duration"]
    assert took is not None
    if changed == "evidence":
        path.write_text("something else")
    else:
        step = again(step, inputs=lambda _ctx: "others")
    bench.walk(product(step))
    assert bench.kinds("one.a") == ["started", "done", "satisfied"]
    assert bench.status("one.a")["duration"] == took
    assert " s  " not in describe(bench.events("one.a")[-1])


def test_a_probe_that_names_what_drifted_is_heard(bench: Bench) -> None:
    """The journal says what was found instead, before the effect and where the effect does not show."""
    found = ["7"]

    def probe(_ctx: Context) -> Evidence | Drift:
        return Evidence("it is 1") if found[0] == "1" else Drift(f"it is {found[0]}, not 1")

    step = again(file_step("one.a"), probe=probe, apply=lambda _ctx: found.__setitem__(0, "1"), retry="never")
    assert bench.walk(product(step)) == "serving"
    found[0] = "2"
    assert bench.walk(product(step)) == "serving"
    assert [row["detail"] for row in bench.events("one.a") if row["kind"] == "lost"] == ["it is 2, not 1"]
    assert bench.walk(product(again(step, probe=lambda _ctx: Drift("it is 3, not 1")))) == "failed"
    assert bench.events("one.a")[-1]["detail"] == "one.a: it is 3, not 1"


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let inputs that were exchanged be taken at once."""
    monkeypatch.setattr(attempt, "MOMENT", 0)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("failing", [False, True], ids=["unproven", "refused"])
def test_an_attempt_whose_inputs_changed_meanwhile_is_no_failure(bench: Bench, failing: bool) -> None:
    """What an attempt was made for may be exchanged while it is made: it is made again for what is there now."""
    world = {"wanted": 0, "made": 0}

    def apply(_ctx: Context) -> None:
        asked = world["wanted"]
        world["wanted"] = min(asked + 1, 5)
        if failing and asked < 5:
            raise OperatorError(codes.SETTINGS, f"{asked} is refused")
        world["made"] = asked

    def probe(_ctx: Context) -> Evidence | None:
        return Evidence(f"made for {world['made']}") if world["made"] == world["wanted"] == 5 else None

    step = again(file_step("one.a"), probe=probe, apply=apply, inputs=lambda _ctx: str(world["wanted"]), retry="never")
    assert bench.walk(product(step)) == "serving"
    assert bench.kinds("one.a") == [*["started", "interrupted"] * 5, "started", "done"]
    assert bench.status("one.a")["evidence"] == "made for 5"


def test_inputs_that_differ_at_every_question_are_not_asked_without_a_pause(bench: Bench) -> None:
    """After each attempt that is made anew the walk waits a moment, in which it can be told to stop."""
    asked: list[None] = []

    def inputs(_ctx: Context) -> str:
        asked.append(None)
        return str(len(asked))

    class Stopping(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            assert timeout == attempt.MOMENT
            if len(asked) > 9:
                bench.stopping.set()
            return False

    bench.wake = Stopping()

    def refuse(_ctx: Context) -> None:
        if len(asked) > 20:
            raise Crash
        raise OperatorError(codes.SETTINGS, "no")

    with pytest.raises(Interrupted):
        bench.walk(product(file_step("one.a", before=refuse, inputs=inputs)))
    assert set(bench.kinds("one.a")) == {"started", "interrupted"}


def test_inputs_that_cannot_be_asked_again_excuse_nothing(bench: Bench) -> None:
    """An attempt that failed is recorded as failed, whatever the second question after its inputs runs into."""
    path = bench.volume / "input"
    path.write_text("there")

    def refuse(_ctx: Context) -> None:
        path.unlink()
        raise OperatorError(codes.SETTINGS, "no")

    assert bench.walk(product(file_step("one.a", before=refuse, inputs=lambda _ctx: path.read_text()))) == "blocked"
    assert [(row["kind"], row["code"]) for row in bench.events("one.a")][-1] == ("blocked", codes.SETTINGS.id)


def test_inputs_that_could_not_be_read_for_an_attempt_have_not_changed(bench: Bench) -> None:
    """An attempt that never knew what it was made for has failed, although its inputs can be read afterwards."""
    asked: list[None] = []

    def inputs(_ctx: Context) -> str:
        asked.append(None)
        if len(asked) == 2:
            raise OperatorError(codes.SETTINGS, "not now")
        return "there"

    assert bench.walk(product(file_step("one.a", inputs=inputs))) == "blocked"
    assert bench.kinds("one.a") == ["blocked"]


def test_a_refusal_of_inputs_that_stay_is_a_failure(bench: Bench) -> None:
    """Only a change of the inputs excuses an attempt."""

    def refuse(_ctx: Context) -> None:
        raise OperatorError(codes.SETTINGS, "no")

    assert bench.walk(product(file_step("one.a", before=refuse, inputs=lambda _ctx: "same"))) == "blocked"
    assert bench.kinds("one.a") == ["started", "blocked"]
