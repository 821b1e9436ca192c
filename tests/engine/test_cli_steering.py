"""The commands that make something happen: reset-state and resume."""

from __future__ import annotations

import io
import signal
import subprocess
import threading
from dataclasses import replace

import pytest

from tests.engine.commands import TOY, Capture, operated, run
from tests.engine.toy import Bench, again, effects, file_step, hold_as, let_go, product
from tests.engine.where import wait_for
from zflow import codes
from zflow.commands import product as product_module
from zflow.commands import steering
from zflow.context import Context
from zflow.errors import OperatorError
from zflow.exits import Exit
from zflow.journal.layout import home, request_file
from zflow.journal.writer import Journal
from zflow.status.document import gather
from zflow.step import Drift, Evidence
from zflow.supervise.lock import RUNNER, WALKER, held

__all__ = ["operated"]
RESET = """\
Valid now, will be due (one):
  one.a                        make one.a
Due already (one):
  one.b                        make one.b (runs once: again only if its result is gone)
The next walk checks each of them thoroughly first. What still holds is not run again.
Nothing is deleted. Mail, settings, the history and all other states stay.
"""


def test_reset_says_what_it_would_do_and_does_nothing_in_a_dry_run(bench: Bench, capsys: Capture) -> None:
    """What is valid and will not be is told apart from what is due anyway; the journal stays as it is."""
    hold_as(bench.volume, RUNNER)
    bench.walk(product(file_step("one.a")))
    bench.walk(TOY)
    (bench.volume / "one.b").unlink()
    bench.walk(TOY)
    before = bench.events()
    code, out, _ = run(capsys, "reset-state", "one", "--dry-run")
    let_go(bench.volume, RUNNER)
    assert code == Exit.VALID
    assert out == RESET
    assert bench.events() == before


def test_reset_says_when_readiness_ends_with_it(bench: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """An orchestrator takes the server out of service until the walk has looked."""
    monkeypatch.setattr(product_module, "product", lambda: replace(TOY, serves=("one.a", "two.a")))
    bench.walk(TOY)
    assert "one.a valid, `zflow health ready` answers no" in run(capsys, "reset-state", "one", "--dry-run")[1]
    run(capsys, "reset-state", "one", "--yes")
    assert "answers no" not in run(capsys, "reset-state", "one", "--dry-run")[1]


def test_a_reset_makes_no_journal(bench: Bench, capsys: Capture) -> None:
    """Where nothing was walked there is nothing to be done again, and nothing is written."""
    home(bench.volume).mkdir(mode=0o700)
    code, out, err = run(capsys, "reset-state", "one", "--yes")
    assert (code, out, err[:7]) == (Exit.REFUSED, "", "ZF-1030")
    assert [path.name for path in home(bench.volume).iterdir()] == [WALKER]


def test_reset_makes_a_state_due_again_and_deletes_nothing(bench: Bench, capsys: Capture) -> None:
    """After the word of the operator lost once-steps are built anew, the rest is found as it was."""
    bench.walk(TOY)
    (bench.volume / "one.b").unlink()
    assert bench.walk(TOY) == "blocked"
    code, _, _ = run(capsys, "reset-state", "one", "--yes")
    assert code == Exit.VALID
    assert bench.position()["state"] == "one"
    assert bench.walk(TOY) == "serving"
    assert effects(bench.volume) == ["one.a", "one.b", "two.a", "one.b"]
    assert bench.kinds("one.a") == ["started", "done", "reset", "satisfied"]
    assert bench.kinds("two.a") == ["started", "done"]
    assert bench.broken_link() is None


def test_a_reset_is_looked_at_thoroughly_by_the_next_walk_whoever_begins_it(bench: Bench, capsys: Capture) -> None:
    """A shallow walk, as a start's, asks the audit of what was reset, and of nothing else, until it is found valid."""
    audited: list[str] = []

    def audit(ctx: Context) -> Drift | None:
        audited.append("one.a")
        return None if (ctx.volume / "value").exists() else Drift("value is 99, not 1")

    def set_value(ctx: Context) -> None:
        (ctx.volume / "value").touch()
        (ctx.volume / "one.a").write_text("one.a")

    def audit_whole(ctx: Context) -> Evidence | Drift | None:
        return audit(ctx) or Evidence("value is 1")

    what = product(again(file_step("one.a"), audit=audit_whole, apply=set_value), file_step("two.a"))
    bench.walk(what)
    (bench.volume / "value").unlink()
    bench.walk(what)
    assert audited == []
    assert run(capsys, "reset-state", "one", "--yes")[0] == Exit.VALID
    assert request_file(bench.volume).read_text() == "reset-state one\n"
    assert bench.walk(what) == "serving"
    assert (bench.volume / "value").exists()
    assert bench.kinds("one.a") == ["started", "done", "reset", "started", "done"]
    bench.walk(what)
    assert audited == ["one.a"]


def test_a_block_on_the_way_does_not_make_the_look_shallow(bench: Bench, capsys: Capture) -> None:
    """What was reset is looked at thoroughly until it is valid, however many walks are stopped before."""
    looks: list[int] = []

    def audit(_ctx: Context) -> Evidence:
        looks.append(1)
        if len(looks) == 1:
            raise OperatorError(codes.SETTINGS, "wrong")
        return Evidence("good")

    what = product(again(file_step("one.a"), audit=audit))
    bench.walk(what)
    run(capsys, "reset-state", "one", "--yes")
    assert [bench.walk(what), bench.walk(what)] == ["blocked", "serving"]
    assert len(looks) == 2


def test_a_reset_leaves_its_order_before_its_record(
    bench: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in between, or before anybody was told, the runner finds the order; a walk that begins takes it away."""
    bench.walk(TOY)

    def killed(*_: object) -> None:
        assert request_file(bench.volume).exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "record", killed)
        with pytest.raises(KeyboardInterrupt):
            run(capsys, "reset-state", "one", "--yes")
    assert run(capsys, "resume")[0] == Exit.VALID
    assert not request_file(bench.volume).exists()


def test_a_reset_does_not_wake_a_paused_runner(bench: Bench, capsys: Capture) -> None:
    """No signal is sent; the order waits for the end of the pause, and the command says so."""
    bench.walk(TOY)
    run(capsys, "pause")
    with subprocess.Popen(["sleep", "60"]) as runner:
        hold_as(bench.volume, RUNNER, runner.pid)
        code, out, _ = run(capsys, "reset-state", "one", "--yes")
        assert (code, "paused" in out, runner.poll()) == (Exit.VALID, True, None)
        runner.kill()


def test_a_reset_can_wait_for_the_walk_to_end(bench: Bench, capsys: Capture) -> None:
    """With `--wait` it is recorded as soon as the walk under way has let go of the journal."""
    bench.walk(TOY)
    hold_as(bench.volume, WALKER)
    threading.Timer(0.3, let_go, (bench.volume, WALKER)).start()
    assert run(capsys, "reset-state", "one", "--yes", "--wait")[0] == Exit.VALID
    assert bench.kinds("one.a")[-1] == "reset"


def test_reset_asks_and_takes_no_for_an_answer(bench: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `--yes` and without a person nothing happens, with exit code 1, and the way to answer is told."""
    bench.walk(TOY)
    before = bench.events()
    for said in ("", "n\n", "y"):
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        code, _, err = run(capsys, "reset-state", "one")
        assert (code, "`--yes`" in err) == ((Exit.VALID, False) if said == "y" else (Exit.STOPPED, True))
        assert (bench.events() == before) is (said != "y")


def test_reset_of_an_unknown_state_names_the_known_ones(bench: Bench, capsys: Capture) -> None:
    """A wrong name is an error with the right names in it."""
    code, _, err = run(capsys, "reset-state", "three", "--yes")
    assert code == Exit.STOPPED
    assert "ZF-1031" in err
    assert "one, two" in err


def test_reset_is_refused_while_a_walk_is_under_way(
    bench: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk is named as what it is, not as another container: exit code 4, and nothing is recorded."""
    bench.walk(TOY)
    before = bench.events()
    monkeypatch.setattr("zflow.walk.reset.PATIENCE", 0.0)
    with held(bench.volume, WALKER):
        code, out, err = run(capsys, "reset-state", "one")
    assert (code, out) == (Exit.HELD, "")  # before anybody is asked
    assert codes.UNDER_WAY.id in err
    assert "two containers" not in err
    assert bench.events() == before


def test_resume_without_a_runner_walks_here(bench: Bench, capsys: Capture) -> None:
    """The walk is made by the command itself, and its end is the exit code."""
    code, out, _ = run(capsys, "resume")
    assert code == Exit.VALID
    assert "this command makes the walk" in out
    assert effects(bench.volume) == ["one.a", "one.b", "two.a"]
    assert bench.events()[0]["detail"] == "resume without a supervisor"


def test_resume_beside_a_runner_wakes_it(bench: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner gets USR1 and the command returns, when it is told not to follow, also where no walk begins."""
    bench.walk(TOY)
    monkeypatch.setattr(steering, "START", 0.1)
    with subprocess.Popen(["sleep", "60"]) as runner:
        hold_as(bench.volume, RUNNER, runner.pid)
        code, out, _ = run(capsys, "resume", "--no-follow")
        assert (code, f"process {runner.pid}" in out) == (Exit.VALID, True)
        assert wait_for(runner.poll, "the signal") == -signal.SIGUSR1


def test_a_pause_lasts_until_resume_and_is_shown(bench: Bench, capsys: Capture) -> None:
    """`pause` is seen in the status, and `resume` ends it before anything else."""
    bench.walk(TOY)
    code, out, _ = run(capsys, "pause")
    assert code == Exit.VALID
    assert "zflow resume" in out
    assert gather(bench.volume)["paused"]
    run(capsys, "resume")
    assert not gather(bench.volume)["paused"]


@pytest.mark.parametrize("arguments", [["pause"], ["reset-state", "one", "--yes"]])
def test_where_nothing_was_started_nothing_is_steered(bench: Bench, capsys: Capture, arguments: list[str]) -> None:
    """A volume that is not mounted, or still empty, is told as such, with the way out."""
    code, _, err = run(capsys, *arguments)
    assert (code, err) == (
        Exit.REFUSED,
        f"ZF-1030 {codes.NO_JOURNAL.title}: there is no {home(bench.volume)}\nWhat to do: {codes.NO_JOURNAL.remedy}\n",
    )


def test_what_the_kernel_refuses_is_no_traceback(bench: Bench, capsys: Capture) -> None:
    """What has a meaning on the volume has its code, anything else is told as the kernel tells it."""
    (bench.volume / "elsewhere").mkdir()
    home(bench.volume).symlink_to("elsewhere")
    code, _, err = run(capsys, "pause")
    assert (code, err[:7], codes.NOT_A_FOLDER.remedy in err) == (Exit.REFUSED, "ZF-1009", True)
    code, _, err = run(capsys, "collect", str(bench.volume / "missing/bundle.tar.gz"))
    assert (code, "No such file or directory: 'missing'" in err, "Traceback" in err) == (Exit.STOPPED, True, False)


def test_a_journal_put_aside_is_made_anew_from_what_is_there(bench: Bench, capsys: Capture) -> None:
    """After `journal rebuild` the next walk finds every result and does nothing again; the old journal is kept."""
    bench.walk(TOY)
    before = effects(bench.volume)
    code, out, _ = run(capsys, "journal", "rebuild", "--yes")
    assert code == Exit.VALID
    (kept,) = (bench.volume / ".zflow/copies").glob("aside-*/journal.sqlite3")
    assert str(kept.parent) in out
    assert bench.walk(TOY) == "serving"
    assert effects(bench.volume) == before
    assert {kind for step in ("one.a", "two.a") for kind in bench.kinds(step)} == {"satisfied"}


def test_a_whole_journal_is_said_to_be_whole(bench: Bench, capsys: Capture) -> None:
    """`journal verify` counts the events of an unbroken chain."""
    bench.walk(TOY)
    code, out, _ = run(capsys, "journal", "verify")
    assert code == Exit.VALID
    assert f"intact: {len(bench.events())} events" in out


@pytest.mark.parametrize(
    ("words", "argv"),
    [
        ((), ["/bin/bash", "-l"]),
        (("apt-get", "install", "--yes", "perl"), None),
        (("su", "-", "zimbra", "-c", "zmcontrol restart"), None),
        (("ls", "--help"), None),
    ],
    ids=["none", "a long option", "a short option", "one that zflow has too"],
)
def test_a_command_inside_the_ubuntu_keeps_its_options(
    bench: Bench, capfd: Capture, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], argv: list[str] | None
) -> None:
    """What follows `zflow shell` is run as it stands, as remedies have it; without a command it is a login shell."""
    (bench.volume / "bin").mkdir()
    (bench.volume / "bin/bash").touch()
    standing_in = bench.volume / "chroot"
    standing_in.write_text('#!/bin/sh\nprintf "%s\\n" "$DEBIAN_FRONTEND" "$@"\nexit 7\n')
    standing_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bench.volume}:/usr/bin:/bin")
    code, out, _ = run(capfd, "shell", *words)
    assert code == 7
    # Else a remedy with apt-get would wait for an answer.
    assert out.splitlines() == ["noninteractive", str(bench.volume), *(argv or words)]
