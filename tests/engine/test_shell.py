"""Commands: a bare environment, bounded output and time, and an end of the whole process group."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.where import LIMIT, gone, wait_for
from zflow import codes
from zflow.errors import CommandError, Interrupted
from zflow.host import command, oom, proc
from zflow.host.leftovers import TAG, end_leftovers
from zflow.host.shell import Shell


class Logged:
    """A shell and what it logged."""

    def __init__(self, volume: Path) -> None:
        self.lines: list[str] = []
        self.shell = Shell(root=volume, tag="tests:run", log=self.lines.append, deadline=time.monotonic() + LIMIT)


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Logged:
    """A shell that does not wait long before it kills."""
    monkeypatch.setattr(command, "GRACE", 0.3)
    return Logged(tmp_path)


def crossed(run: Callable[[], object]) -> CommandError:
    """Return the error that a command ends with."""
    with pytest.raises(CommandError) as caught:
        run()
    return caught.value


def test_a_command_that_the_kernel_ends_for_want_of_memory_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control group's counter says so, also where the command itself only tells of a child; once for each."""
    counter = tmp_path / "memory.events"
    counter.write_text("oom_kill 4\n")
    monkeypatch.setattr(oom, "COUNTERS", (tmp_path / "missing", counter))
    shell = Shell(root=tmp_path, tag="toy", log=lambda _line: None)
    for code in (codes.OUT_OF_MEMORY, codes.COMMAND):
        with pytest.raises(CommandError) as caught:
            shell.run("sh", "-c", f"echo oom_kill 5 > {counter}; exit 100")
        assert caught.value.code is code


def test_output_is_logged_line_by_line_and_returned_whole(logged: Logged) -> None:
    """Standard output and error arrive in order, the log has the command and each line."""
    seen: list[str] = []
    result = logged.shell.run("sh", "-c", "echo one; echo two >&2; printf three", on_line=seen.append)
    assert (result.code, result.lines) == (0, ["one", "two", "three"])
    assert seen == ["one", "two", "three"]
    assert logged.lines[0].startswith("$ sh -c")
    assert logged.lines[1:] == seen


def test_an_exit_code_is_an_error_unless_it_is_expected(logged: Logged) -> None:
    """A code that is not `ok` raises with the code and the last line; one that is comes back."""
    error = crossed(lambda: logged.shell.run("sh", "-c", "echo no route; exit 7"))
    assert (error.code, error.exit_code, error.tail) == (codes.COMMAND, 7, "no route\n")
    assert "no route" in error.detail
    assert logged.shell.run("sh", "-c", "exit 7", ok=(0, 7)).code == 7


def test_a_command_ended_by_a_signal_is_an_error(logged: Logged) -> None:
    """A signal is no success, whoever sent it."""
    assert crossed(lambda: logged.shell.run("sh", "-c", "kill -KILL $$")).exit_code == -9


def test_a_command_that_does_not_exist_is_an_error(logged: Logged) -> None:
    """A missing program is exit code 127, as a shell would say."""
    assert crossed(lambda: logged.shell.run("no-such-program")).exit_code == 127


def test_the_environment_is_built_from_nothing(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the variables named by the shell and the call are there, none of the container's."""
    monkeypatch.setenv("ZFLOW_ADMIN_PASSWORD", "hunter22")
    names = {line.partition("=")[0] for line in logged.shell.run("env", env={"EXTRA": "1"}).lines}
    assert names == {"PATH", "HOME", "LANG", "DEBIAN_FRONTEND", TAG, "EXTRA"}


def test_standard_input_is_empty_or_what_is_given_and_never_logged(logged: Logged) -> None:
    """A command cannot wait for a person; a secret given to it appears in no log and no argument."""
    assert logged.shell.run("cat").output == ""
    assert logged.shell.run("wc", "-c", stdin="hunter22").output.strip() == "8"
    assert not any("hunter22" in line for line in logged.lines)


def test_quiet_output_stays_out_of_the_log(logged: Logged) -> None:
    """An answer that holds a key is returned and not logged."""
    assert logged.shell.run("echo", "-n", "a", "key", quiet=True).output == "a key"
    assert logged.lines == ["$ echo -n a key"]


def test_characters_cut_by_chunks_are_put_together(logged: Logged) -> None:
    """A letter of several bytes that arrives in two pieces, and bytes that are no letters, are read as text."""
    script = r"printf 'caf\303'; sleep 0.3; printf '\251\n'; printf 'a\377b\r\n'"
    assert logged.shell.run("sh", "-c", script).lines == ["café", "a�b"]
    assert logged.lines[1:] == ["café", "a�b"]


def test_much_output_is_captured_up_to_its_limit_and_read_to_its_end(logged: Logged) -> None:
    """The result keeps the first part, the sinks see every line."""
    count = 0

    def counted(_line: str) -> None:
        nonlocal count
        count += 1

    result = logged.shell.run("seq", "100000", capture=1000, on_line=counted)
    assert count == 100_000
    assert 1000 <= len(result.output) < 100_000


def test_a_command_past_its_time_is_ended(logged: Logged) -> None:
    """The time limit ends the command with its own code."""
    assert crossed(lambda: logged.shell.run("sleep", "60", timeout=0.2)).code is codes.TIME_LIMIT


def test_a_prompt_without_a_line_end_is_seen_when_a_command_falls_silent(logged: Logged) -> None:
    """A program that waits for an answer nobody gives is ended, and its question is in the error."""
    error = crossed(lambda: logged.shell.run("sh", "-c", "printf 'Continue? [y/N] '; exec sleep 60", silence=0.3))
    assert error.code is codes.SILENCE
    assert "Continue? [y/N]" in error.detail


def test_endless_output_is_ended(logged: Logged) -> None:
    """A program that prints more than its limit is ended, and what it printed first is logged."""
    assert crossed(lambda: logged.shell.run("yes", limit=200_000)).code is codes.OUTPUT_FLOOD
    assert logged.lines[1] == "y"


def children_of(path: Path) -> list[int]:
    """Return the numbers that a script wrote to a file, once there are two."""
    return [int(word) for word in path.read_text().split()] if path.exists() else []


STUBBORN = "trap '' TERM; sleep 60 & echo $! $$ > {0}.new; mv {0}.new {0}; while :; do sleep 0.1; done"


def test_the_whole_process_group_is_ended_by_force(logged: Logged, tmp_path: Path) -> None:
    """What ignores TERM is killed after the grace period, its children with it."""
    crossed(lambda: logged.shell.run("sh", "-c", STUBBORN.format(tmp_path / "pids"), timeout=0.5))
    pids = children_of(tmp_path / "pids")
    assert len(pids) == 2
    wait_for(lambda: all(gone(pid) for pid in pids), "the end of the group")


def test_stop_interrupts_the_running_command_and_refuses_the_next(logged: Logged, tmp_path: Path) -> None:
    """Told to stop, the caller gets Interrupted, not the command's error; nothing new is started."""
    outcome: list[str] = []

    def work() -> None:
        try:
            logged.shell.run("sh", "-c", STUBBORN.format(tmp_path / "pids"))
        except Interrupted:
            outcome.append("interrupted")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    pids = wait_for(lambda: children_of(tmp_path / "pids"), "the command")
    logged.shell.stop()
    thread.join(LIMIT)
    assert outcome == ["interrupted"]
    wait_for(lambda: all(gone(pid) for pid in pids), "the end of the group")
    with pytest.raises(Interrupted):
        logged.shell.for_step(print, time.monotonic() + 1).run("true")


def test_an_error_in_a_reader_of_lines_ends_the_command(logged: Logged, tmp_path: Path) -> None:
    """When whoever reads the output gives up, the command does not go on unwatched."""

    def refuse(line: str) -> None:
        raise ValueError(line)

    script = f"echo $$ > {tmp_path}/pids; echo what; exec sleep 60"
    with pytest.raises(ValueError, match="what"):
        logged.shell.run("sh", "-c", script, on_line=refuse)
    (pid,) = children_of(tmp_path / "pids")
    wait_for(lambda: gone(pid), "the command's end")


def test_a_daemon_outlives_its_command_and_the_walker(logged: Logged, tmp_path: Path) -> None:
    """A service left behind keeps an output it can write to, carries no tag, and is no leftover."""
    script = f"(while :; do echo alive; sleep 0.05; done) & echo $! > {tmp_path}/pid; echo started"
    assert "started" in logged.shell.run("sh", "-c", script, daemon=True).lines
    (pid,) = children_of(tmp_path / "pid")
    try:
        assert end_leftovers("tests:next", "tests:") == 0
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert TAG.encode() not in environment
        assert not gone(pid)
    finally:
        os.kill(pid, 9)


def test_leftovers_of_an_earlier_walker_are_ended_and_no_others(tmp_path: Path) -> None:
    """Processes with the tag of another run over this volume are killed; our own and other volumes' stay."""
    tags = [f"{tmp_path}:old", f"{tmp_path}:now", f"{tmp_path}-other:old"]
    started = [subprocess.Popen(["sleep", "60"], env={TAG: tag}) for tag in tags]
    try:
        for process in started:
            wait_for(lambda pid=process.pid: b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes(), "sleep")  # type: ignore[misc]
        assert end_leftovers(f"{tmp_path}:now", f"{tmp_path}:") == 1
        assert started[0].wait(LIMIT) == -9
        assert [process.poll() for process in started[1:]] == [None, None]
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_what_a_leftover_started_ends_with_it(tmp_path: Path) -> None:
    """A child that lost the tag, as one under `su -` does, is found by its parent; our own children stay."""
    script = "env -i sleep 60 & echo $! > {0}.new; mv {0}.new {0}; wait; exec sleep 60"
    tag = {TAG: f"{tmp_path}:old", "PATH": os.environ["PATH"]}
    leftover = subprocess.Popen(["sh", "-c", script.format(tmp_path / "pid")], env=tag)
    ours = subprocess.Popen(["sleep", "60"])
    try:
        (child,) = wait_for(lambda: children_of(tmp_path / "pid"), "the child")
        wait_for(lambda: proc.name(child) == "sleep", "the loss of the tag")
        assert end_leftovers(f"{tmp_path}:now", f"{tmp_path}:") >= 2
        assert leftover.wait(LIMIT) == -9
        wait_for(lambda: gone(child), "the end of the child")
        assert ours.poll() is None
    finally:
        for process in (leftover, ours):
            process.kill()
            process.wait()
