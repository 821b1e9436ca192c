"""`zflow health`: startup, live and ready in every situation that an orchestrator asks in."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.commands import Capture, run
from tests.engine.toy import AT_ONCE, Bench, again, file_step, hold_as, product
from tests.engine.where import LIMIT, ROOT
from zflow import codes
from zflow.context import Context
from zflow.errors import OperatorError
from zflow.exits import Exit
from zflow.host.boot import boot_identity
from zflow.journal.layout import journal_file
from zflow.retry import POLICIES
from zflow.status.health import QUESTIONS
from zflow.step import Product, Scope, State
from zflow.supervise.lock import RUNNER, WALKER
from zflow.walk.process import walk

SERVICES = file_step("one.services", scope=Scope.BOOT)
CERTIFICATE = file_step("two.certificate")
TOY = product(SERVICES, CERTIFICATE)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A volume with a living runner, and a policy that does not wait."""
    monkeypatch.setitem(POLICIES, "at-once", AT_ONCE)
    hold_as(tmp_path, RUNNER)
    return Bench(tmp_path, boot_identity())


def answers(volume: Path) -> str:
    """Return the questions that are answered by yes."""
    return " ".join(question for question, ask in QUESTIONS.items() if ask(volume).good)


def refuse(_ctx: Context) -> None:
    """Want the operator."""
    raise OperatorError(codes.SETTINGS, "a wrong certificate")


def test_without_a_runner_every_answer_is_no(tmp_path: Path) -> None:
    """Neither an empty volume nor one that served before the container ended is live, started or ready."""
    assert answers(tmp_path) == ""
    Bench(tmp_path, boot_identity()).walk(TOY)
    assert answers(tmp_path) == ""
    assert QUESTIONS["ready"](tmp_path).words == "no supervisor"


def test_a_runner_is_live_and_not_started_until_its_walk_has_begun(bench: Bench) -> None:
    """Before the journal is made the container lives; what an earlier start left does not count as begun."""
    assert answers(bench.volume) == "live"
    bench.boot = "an-earlier-start"
    bench.walk(TOY)
    assert answers(bench.volume) == "live"


def test_installing_is_live_and_not_ready(bench: Bench) -> None:
    """While the first walk is under way the start has begun; ready it is when all is valid, though services run."""
    hold_as(bench.volume, WALKER)
    seen: list[tuple[str, str]] = []

    def look(ctx: Context) -> None:
        seen.append((answers(ctx.volume), QUESTIONS["ready"](ctx.volume).words))

    bench.walk(product(SERVICES, file_step("two.certificate", before=look)))
    assert seen == [("startup live", "the first start has not ended")]
    assert answers(bench.volume) == "startup live ready"


def test_a_first_start_that_is_blocked_is_live_and_not_ready(bench: Bench) -> None:
    """A restart would not help, and nobody is to be sent there."""
    bench.walk(product(SERVICES, again(CERTIFICATE, apply=refuse)))
    assert answers(bench.volume) == "startup live"


def test_a_server_that_serves_stays_ready_through_a_renewal_and_a_refused_one(bench: Bench) -> None:
    """Neither a walk under way nor one that is blocked ends what serves."""
    bench.walk(TOY)
    seen: list[str] = []
    renewed = file_step(
        "two.certificate", inputs=lambda _ctx: "renewed", before=lambda c: seen.append(answers(c.volume))
    )
    (bench.volume / "two.certificate").unlink()
    bench.walk(product(SERVICES, renewed))
    (bench.volume / "two.certificate").unlink()
    bench.walk(product(SERVICES, again(CERTIFICATE, apply=refuse)))
    assert bench.position()["state"] == "blocked"
    assert [*seen, answers(bench.volume)] == ["startup live ready"] * 2


def test_a_server_whose_services_are_gone_is_not_ready_until_they_are_back(bench: Bench) -> None:
    """From the moment the walk finds a serving step's result gone."""
    bench.walk(TOY)
    seen: list[str] = []
    watched = file_step("one.services", scope=Scope.BOOT, before=lambda ctx: seen.append(answers(ctx.volume)))
    (bench.volume / "one.services").unlink()
    bench.walk(product(watched, CERTIFICATE))
    assert [*seen, answers(bench.volume)] == ["startup live", "startup live ready"]


def test_after_a_restart_ready_waits_for_what_serves_and_names_it(bench: Bench) -> None:
    """What was proven in an earlier start of the container does not count in this one."""
    bench.boot = "an-earlier-start"
    bench.walk(TOY)
    assert QUESTIONS["ready"](bench.volume).words == "not yet in this start: one.services"
    bench.boot = boot_identity()
    bench.walk(TOY)
    assert answers(bench.volume) == "startup live ready"


def test_a_journal_without_a_list_of_steps_is_not_ready(bench: Bench) -> None:
    """One of a schema that had no list has just been brought up to date: nothing is known of what serves."""
    bench.walk(TOY)
    with closing(bench.journal()) as journal:
        journal.restore(())
    verdict = QUESTIONS["ready"](bench.volume)
    assert (verdict.good, verdict.words) == (False, "not yet in this start: the walk")


def test_only_what_the_product_names_is_asked_for(bench: Bench) -> None:
    """A step of the boot that serves nobody, when it fails, does not take the server from its users."""
    serving = replace(TOY, serves=("one.services",))
    assert walk(serving, bench.volume, {}, "test") == Exit.VALID
    with_key = product(SERVICES, CERTIFICATE, file_step("two.key", scope=Scope.BOOT))
    bench.walk(replace(with_key, states=_refusing(with_key), serves=serving.serves))
    assert bench.position()["state"] == "blocked"
    assert answers(bench.volume) == "startup live ready"


def _refusing(what: Product) -> tuple[State, ...]:
    one, two = what.states
    return one, replace(two, steps=(*two.steps[:-1], again(two.steps[-1], apply=refuse)))


def test_a_journal_that_cannot_be_read_is_named(bench: Bench) -> None:
    """The container lives; whether it serves nobody can tell, and the line says why."""
    bench.walk(TOY)
    journal_file(bench.volume).write_bytes(b"not a database, whatever its name says" * 100)
    assert answers(bench.volume) == "live"
    assert QUESTIONS["ready"](bench.volume).words.startswith("ZF-1004")


@pytest.mark.parametrize(("arguments", "code"), [(["health"], 0), (["health", "startup"], 0), (["health", "ready"], 1)])
def test_the_command_answers_by_its_exit_code_and_loads_nothing_heavy(
    bench: Bench, arguments: list[str], code: int
) -> None:
    """A probe every few seconds pays for neither click nor SQLAlchemy."""
    bench.walk(product(SERVICES, again(CERTIFICATE, apply=refuse)))
    script = (
        "import sys; from zflow.entry import dispatch; c = dispatch(sys.argv[1:]); print(*sys.modules); sys.exit(c)"
    )
    environment = os.environ | {"ZFLOW_VOLUME": str(bench.volume)}
    argv = [sys.executable, "-c", script, *arguments]
    ended = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT)
    assert ended.returncode == code
    assert not {"click", "sqlalchemy", "states", "waitress"} & set(ended.stdout.split())


def test_another_question_is_a_usage_error(capsys: Capture) -> None:
    """The three are named."""
    code, _, shown = run(capsys, "health", "steady")
    assert code == Exit.USAGE
    assert "'startup', 'live', 'ready'" in shown
