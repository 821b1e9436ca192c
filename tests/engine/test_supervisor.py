"""`zflow run`, run for real beside a stand-in walker: signals, retries, watches and the end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.child import NAMES
from tests.engine.toy import Bench, effects, file_step, product
from tests.engine.where import LIMIT, ROOT, gone, wait_for
from zflow.exits import WALK_STOPPED, Exit
from zflow.host.files import write_atomic
from zflow.host.proc import start_time
from zflow.journal.event import Event
from zflow.journal.layout import pause_file, request_file
from zflow.journal.writer import Position
from zflow.supervise.lock import RUNNER, holder
from zflow.supervise.schedule import DEATHS

Run = Callable[..., "Supervised"]
FAKE = (sys.executable, "-I", str(ROOT / "tests/engine/fake_zflow.py"))


class Supervised:
    """A supervisor over a volume, with what its stand-in walker was called for."""

    def __init__(self, volume: Path, behaviour: str, zflow: tuple[str, ...]) -> None:
        self.volume = volume
        self.behave(behaviour)
        argv = [sys.executable, "-m", "tests.engine.supervised", str(volume), *zflow]
        self.process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def behave(self, word: str) -> None:
        """Say how the stand-in behaves from its next call on."""
        beside = self.volume / "behaviour.new"
        beside.write_text(word)
        beside.rename(self.volume / "behaviour")

    def calls(self) -> list[str]:
        """Return what the stand-in was called for, without the volume."""
        path = self.volume / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def wait_for_call(self, *words: str) -> None:
        """Wait until the calls end with these."""
        wait_for(lambda: self.calls()[-len(words) :] == list(words), f"{words} after {self.calls()}")

    def signal(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        self.process.send_signal(number)

    def end(self) -> int:
        """Return its exit code once it has ended."""
        return self.process.wait(LIMIT)

    def children(self) -> list[int]:
        """Return the numbers of the supervisor's children, zombies included."""
        pid = self.process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Start supervisors over the test's volume; end what is left of them."""
    started: list[Supervised] = []

    def start(behaviour: str, zflow: tuple[str, ...] = (*FAKE, str(tmp_path))) -> Supervised:
        started.append(Supervised(tmp_path, behaviour, zflow))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.signal(signal.SIGSTOP)  # it starts nobody any more
            orphans = each.children()
            each.process.kill()
            each.process.wait()
            for pid in orphans:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        assert each.process.stdout is not None
        each.process.stdout.close()


START = "walk --reason start of the container"
RESUME = "walk --reason resume --deep"


def test_term_ends_the_walker_first_and_then_the_services(run: Run) -> None:
    """The walker reaches its safe point before the shut-down begins, and the container ends with 0."""
    one = run("wait")
    one.wait_for_call(START)
    one.signal(signal.SIGTERM)
    assert one.end() == Exit.VALID
    assert one.calls() == ["admit", START, "told to stop", "shut-down"]


def test_a_stopped_walker_goes_on_to_end_in_order(run: Run) -> None:
    """One that somebody stopped with SIGSTOP hears TERM all the same, and the services are stopped after it."""
    one = run("wait")
    one.wait_for_call(START)
    os.kill(int((one.volume / "pid").read_text()), signal.SIGSTOP)
    one.signal(signal.SIGTERM)
    assert one.end() == Exit.VALID
    assert one.calls() == ["admit", START, "told to stop", "shut-down"]


@pytest.mark.parametrize(("ending", "said"), [("deaf", "killed"), ("undying", "left behind")])
def test_a_walker_that_does_not_end_keeps_the_services_from_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, ending: str, said: str
) -> None:
    """Deaf to TERM it is killed; one that the kernel keeps waiting for a disk is left behind. Then comes the rest."""
    monkeypatch.setenv("ZFLOW_TEST_HURRY", ending)
    one = run("deaf")
    one.wait_for_call(START)
    began = time.monotonic()
    one.signal(signal.SIGTERM)
    assert one.end() == Exit.VALID
    assert time.monotonic() - began < 10
    assert one.calls() == ["admit", START, "shut-down"]
    assert one.process.stdout is not None
    os.kill(int((one.volume / "pid").read_text()), signal.SIGKILL) if ending == "undying" else None
    assert f"did not end within 1 s: {said}; the services are stopped" in one.process.stdout.read()


def test_hup_starts_a_deep_walk(run: Run) -> None:
    """All inputs are looked at again on the operator's word."""
    one = run("ok")
    one.wait_for_call(START)
    one.signal(signal.SIGHUP)
    one.wait_for_call("walk --reason HUP: inputs are checked again --deep")


@pytest.mark.parametrize("ending", ["held", "die", "refused"])
def test_what_was_asked_for_outlasts_a_walker_that_could_not_obey(run: Run, ending: str) -> None:
    """One that found the journal held, died, or was refused is followed by one with the same reason, as thorough."""
    deep = "walk --reason HUP: inputs are checked again --deep"
    one = run("ok")
    one.wait_for_call(START)
    wait_for(lambda: not one.children(), "the walker's end")
    one.behave(ending)
    one.signal(signal.SIGHUP)
    wait_for(lambda: len(one.calls()) > 3, "another walk")
    assert one.calls()[2:4] == [deep, deep]


def test_hup_during_a_walk_is_followed_by_another(run: Run) -> None:
    """What a walk may have looked at already is looked at again after it."""
    one = run("wait")
    one.wait_for_call(START)
    one.signal(signal.SIGHUP)
    one.signal(signal.SIGHUP)
    one.behave("ok")
    (one.volume / "end").write_text("0")
    one.wait_for_call(START, "walk --reason HUP: inputs are checked again --deep")


def test_usr1_starts_a_walk_when_none_is_under_way(run: Run) -> None:
    """`resume` beside an idle supervisor walks."""
    one = run("stopped")
    one.wait_for_call(START)
    wait_for(lambda: not one.children(), "the walker's end")
    one.signal(signal.SIGUSR1)
    one.wait_for_call(START, RESUME)


def test_usr1_wakes_the_walker_and_is_not_lost_when_it_was_just_ending(run: Run) -> None:
    """A walker at work is woken; one that ends blocked all the same is followed by another walk."""
    one = run("wait")
    one.wait_for_call(START)
    one.signal(signal.SIGUSR1)
    one.wait_for_call("woken")
    one.behave("ok")
    (one.volume / "end").write_text(str(WALK_STOPPED))
    one.wait_for_call("woken", RESUME)


def test_usr1_does_not_kill_a_walker_that_is_still_loading(run: Run) -> None:
    """A walker that cannot obey yet ignores the signal, for it looks at everything anyway."""
    one = run("wait")
    wait_for(one.children, "the walker's birth")
    for _ in range(20):
        one.signal(signal.SIGUSR1)
    wait_for(lambda: START in one.calls(), "the walk")
    one.signal(signal.SIGTERM)
    one.end()
    assert one.calls().count(START) == 1


@pytest.mark.parametrize("death", ["die", "trace"])
def test_a_walker_that_dies_five_times_in_a_row_ends_the_container(run: Run, death: str) -> None:
    """After five deaths, also by an interpreter's own exit code 1, the services are stopped and the container ends."""
    one = run(death)
    assert one.end() == Exit.STOPPED
    assert len([call for call in one.calls() if call.startswith("walk")]) == 5
    assert one.process.stdout is not None
    assert "5 of 5 times in a row" in one.process.stdout.read()
    assert one.calls()[-1] == "shut-down"


def test_the_pause_between_two_deaths_is_kept_whatever_an_earlier_walk_watched(run: Run, tmp_path: Path) -> None:
    """A file that has changed since the list was left, by a walk of before, does not start the dying walker at once."""
    (tmp_path / ".zflow").mkdir()
    watch = {"name": "it", "paths": [str(tmp_path / "certificate")], "argv": [], "every": 0.01, "answer": "of before"}
    (tmp_path / ".zflow/watches.json").write_text(json.dumps([watch]))
    one = run("die")
    assert one.end() == Exit.STOPPED
    assert [call for call in one.calls() if call.startswith("walk")] == [START] * 5


def test_a_walker_that_is_ended_for_want_of_memory_is_said_to_be(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control group's own counter is asked, for a signal alone may be anybody's."""
    counter = tmp_path / "memory.events"
    counter.write_text("low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 0\n")
    monkeypatch.setenv("ZFLOW_TEST_COUNTER", str(counter))
    one = run("wait")
    one.wait_for_call(START)
    counter.write_text("low 0\nhigh 0\nmax 9\noom 3\noom_kill 3\noom_group_kill 0\n")
    one.behave("ok")
    os.kill(int((one.volume / "pid").read_text()), signal.SIGKILL)
    one.wait_for_call(START, START)
    one.signal(signal.SIGTERM)
    one.end()
    assert one.process.stdout is not None
    assert "out of memory: the kernel ended 2 processes of this container" in one.process.stdout.read()


def test_a_journal_that_another_command_writes_is_waited_for(run: Run) -> None:
    """A walker that finds the journal held is started again, as often as it takes; the container stays up."""
    one = run("held")
    wait_for(lambda: len(one.calls()) > DEATHS + 2, "many tries")
    one.behave("ok")
    tries = len(one.calls())
    wait_for(lambda: len(one.calls()) > tries and not one.children(), "a last try")
    assert one.process.poll() is None


def test_a_volume_that_becomes_unusable_does_not_end_a_running_server(run: Run) -> None:
    """Once a walk has ended, a walker that is refused does not end the container: its services run on."""
    one = run("ok")
    one.wait_for_call(START)
    one.behave("refused")
    one.signal(signal.SIGHUP)
    wait_for(lambda: len(one.calls()) > 4, "it is looked at again")
    assert one.process.poll() is None


def test_a_paused_supervisor_walks_on_resume_only(run: Run, tmp_path: Path) -> None:
    """While the pause lasts neither the time nor a watch nor HUP nor a reset starts a walk; resume does, for all."""
    one = run("held")
    one.wait_for_call(START)
    pause_file(tmp_path).touch()
    time.sleep(0.3)
    before = one.calls()
    one.behave("ok")
    one.signal(signal.SIGHUP)
    request_file(tmp_path).write_text("reset-state one\n")
    time.sleep(0.5)
    assert one.calls() == before
    one.signal(signal.SIGUSR1)
    wait_for(lambda: RESUME in one.calls()[len(before) :], "the operator's walk")
    assert not any("HUP" in call or "next try" in call for call in one.calls()[len(before) :])
    assert not pause_file(tmp_path).exists()


def test_a_pause_ends_with_the_start(run: Run, tmp_path: Path) -> None:
    """After a restart the container is at work: an earlier pause holds up neither the first walk nor a later one."""
    (tmp_path / ".zflow").mkdir()
    pause_file(tmp_path).touch()
    one = run("ok")
    one.wait_for_call(START)
    assert not pause_file(tmp_path).exists()
    wait_for(lambda: not one.children(), "the end of the walker")
    one.signal(signal.SIGHUP)
    one.wait_for_call(START, "walk --reason HUP: inputs are checked again --deep")


def test_an_order_on_the_volume_starts_one_walk(run: Run, tmp_path: Path) -> None:
    """A command that was killed before it could wake anybody is heard; each order once, also where no walk takes it."""
    one = run("ok")
    one.wait_for_call(START)
    for state in ("one", "two"):
        write_atomic(request_file(tmp_path), f"reset-state {state}\n")
        one.wait_for_call(f"walk --reason reset-state {state}")
    time.sleep(0.3)
    assert one.calls() == ["admit", START, "walk --reason reset-state one", "walk --reason reset-state two"]


def served(volume: Path) -> list[str]:
    """Return how the endpoint behaved each time it was asked for."""
    path = volume / "served"
    return path.read_text().splitlines() if path.exists() else []


def test_an_endpoint_that_is_off_is_asked_for_again_with_the_next_walk_only(run: Run, tmp_path: Path) -> None:
    """Another setting starts a walk, and with it the endpoint; where it is off nothing runs for it."""
    one = run("ok")
    wait_for(lambda: served(tmp_path) == ["off"], "the question")
    wait_for(lambda: not one.children(), "the ends")
    (tmp_path / "http").write_text("on")
    one.signal(signal.SIGHUP)
    wait_for(lambda: served(tmp_path) == ["off", "on"], "the second question")


def test_an_endpoint_that_ends_is_started_again(run: Run, tmp_path: Path) -> None:
    """Whatever ended it, the supervisor lives on; at the end it is gone before the services are stopped."""
    (tmp_path / "http").write_text("ends")
    one = run("ok")
    one.wait_for_call(START)
    wait_for(lambda: len(served(tmp_path)) > 3, "many starts")
    (tmp_path / "http").write_text("on")
    wait_for(lambda: served(tmp_path)[-1] == "on", "a good one")
    one.signal(signal.SIGTERM)
    assert one.end() == Exit.VALID
    assert one.calls() == ["admit", START, "endpoint ended", "shut-down"]


@pytest.mark.parametrize(("behaviour", "code"), [("refuse", 5), ("refused", 5)])
def test_a_refused_volume_ends_the_container(run: Run, behaviour: str, code: int) -> None:
    """Whether at admission or by the walker, a volume that cannot be used is exit code 5."""
    assert run(behaviour).end() == code


def test_the_next_try_is_kept(run: Run, tmp_path: Path) -> None:
    """A failed walk is walked again when the journal says so, and not before."""
    bench = Bench(tmp_path)
    bench.walk(product(file_step("one.a")))
    journal = bench.journal()
    journal.restore([])
    due = time.time() + 0.4
    journal.record([Event("ended")], Position("failed", "one", code="ZF-1010", next_try=due))
    journal.close()
    one = run("stopped")
    one.wait_for_call(START)
    one.wait_for_call(START, "walk --reason time for the next try")
    assert time.time() >= due


@pytest.mark.parametrize("kind", ["file", "command"])
def test_a_changed_watch_starts_a_walk(run: Run, tmp_path: Path, kind: str) -> None:
    """When a watched file or a watching command's answer differs from the first one, a walk is due."""
    watched, seen = tmp_path / "certificate", tmp_path / "seen"
    watched.write_text("old")
    argv = ["/bin/sh", "-c", f"cat {watched}; echo x >> {seen}"]
    by_file = {"name": "it", "paths": [str(watched)], "argv": [], "every": 0.01}
    by_command = {"name": "it" if kind == "command" else "other", "paths": [], "argv": argv, "every": 0.01}
    if kind == "file":
        by_command["argv"] = ["/bin/sh", "-c", f"echo x >> {seen}"]
    (tmp_path / ".zflow").mkdir()
    watches = [by_file, by_command] if kind == "file" else [by_command]
    (tmp_path / ".zflow/watches.json").write_text(json.dumps(watches))
    one = run("ok")
    one.wait_for_call(START)
    wait_for(lambda: seen.exists() and len(seen.read_text()) > 4, "the first answers")
    watched.write_text("renewed")
    one.wait_for_call(START, "walk --reason changed: it")


def test_the_walker_dies_with_a_killed_supervisor(run: Run) -> None:
    """After kill -9 of the supervisor no walker goes on by itself."""
    one = run("bound")
    one.wait_for_call(START)
    walker = int((one.volume / "pid").read_text())
    assert start_time(walker)
    one.process.kill()
    one.process.wait()
    wait_for(lambda: gone(walker), "the walker's death")


def test_no_zombie_is_left_by_walkers_and_watches(run: Run, tmp_path: Path) -> None:
    """While it idles the supervisor has reaped every child it had."""
    (tmp_path / ".zflow").mkdir()
    watch = {"name": "it", "paths": [], "argv": ["/bin/true"], "every": 3600}
    (tmp_path / ".zflow/watches.json").write_text(json.dumps([watch]))
    one = run("ok")
    one.wait_for_call(START)
    for _ in range(5):
        one.signal(signal.SIGHUP)
    wait_for(lambda: any("HUP" in call for call in one.calls()), "the second walk")
    wait_for(lambda: not one.children(), "all children to be reaped")
    assert one.process.poll() is None


def test_one_of_two_supervisors_wins(run: Run) -> None:
    """A second `zflow run` on the volume ends with 4 and names the first, which goes on."""
    first, second = run("wait"), run("wait")
    wait_for(lambda: first.process.poll() is not None or second.process.poll() is not None, "an end")
    winner, loser = (second, first) if first.process.poll() is not None else (first, second)
    assert loser.end() == Exit.HELD
    assert loser.process.stdout is not None
    assert f"process {winner.process.pid} of this container" in loser.process.stdout.read()
    assert winner.process.poll() is None
    found = holder(winner.volume, RUNNER)
    assert found is not None
    assert found.pid == winner.process.pid


def test_the_real_walker_under_the_real_supervisor_serves_and_ends(run: Run, tmp_path: Path) -> None:
    """A toy product is walked to serving, and TERM ends services and container in order."""
    one = run("ok", (sys.executable, "-m", "tests.engine.child", str(tmp_path)))
    bench = Bench(tmp_path)
    wait_for(lambda: NAMES[-1] in effects(tmp_path), "the walk")
    wait_for(lambda: bench.position()["state"] == "serving", "serving")
    wait_for(lambda: not one.children(), "the walker's end")
    one.signal(signal.SIGTERM)
    assert one.end() == Exit.VALID
    assert effects(tmp_path) == list(NAMES)
    assert bench.events()[-1]["detail"] == "the services were stopped"
