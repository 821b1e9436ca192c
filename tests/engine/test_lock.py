"""The locks: one holder, named to the other, gone with its process and never inherited."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine import commands
from tests.engine.toy import hold_as, let_go
from tests.engine.where import LIMIT, ROOT, gone, wait_for
from zflow import codes
from zflow.errors import OperatorError
from zflow.exits import Exit
from zflow.host.boot import boot_identity
from zflow.host.proc import start_time
from zflow.journal.layout import home, journal_file
from zflow.supervise import lock
from zflow.supervise.lock import RUNNER, WALKER, Holder, held, holder, named
from zflow.walk import process

RACER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from zflow.errors import OperatorError
    from zflow.supervise.lock import RUNNER, held
    for line in sys.stdin:
        try:
            with held(Path(line.strip()), RUNNER):
                print("won", flush=True)
                sys.stdin.readline()
        except OperatorError as error:
            print(error, flush=True)
            sys.stdin.readline()
        print("free", flush=True)
""")


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A volume with zflow's folder."""
    home(tmp_path).mkdir()
    return tmp_path


def test_a_hundred_races_have_one_winner_each(volume: Path) -> None:
    """Of two processes that go for the lock at once one gets it, and the other is told by which process it is held."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        for _ in range(2)
    ]
    try:
        for _ in range(100):
            for racer in racers:
                tell(racer, str(volume))
            answers = [hear(racer) for racer in racers]
            assert answers.count("won") == 1, answers
            winner, loser = (0, 1) if answers[0] == "won" else (1, 0)
            assert codes.HELD.id in answers[loser]
            assert f"process {racers[winner].pid} of this container" in answers[loser]
            for racer in racers:
                tell(racer, "go on")
                assert hear(racer) == "free"
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()


def tell(racer: subprocess.Popen[str], line: str) -> None:
    """Write a line to a racer."""
    assert racer.stdin is not None
    racer.stdin.write(f"{line}\n")
    racer.stdin.flush()


def hear(racer: subprocess.Popen[str]) -> str:
    """Return the next line of a racer."""
    assert racer.stdout is not None
    return racer.stdout.readline().strip()


def test_a_command_does_not_inherit_the_lock(volume: Path) -> None:
    """A child that outlives its killed walker leaves the volume free at once."""
    script = textwrap.dedent("""
        import subprocess, sys, time
        from pathlib import Path
        from zflow.supervise.lock import WALKER, held
        with held(Path(sys.argv[1]), WALKER):
            child = subprocess.Popen(["sleep", "60"], close_fds=False)
            print(child.pid, flush=True)
            time.sleep(60)
    """)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(volume)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            with pytest.raises(OperatorError), held(volume, WALKER):
                pass
            process.kill()
            process.wait()
            assert start_time(child)
            with held(volume, WALKER):
                found = holder(volume, WALKER)
            assert found is not None
            assert vars(found) == vars(named(os.getpid()))
        finally:
            os.kill(child, signal.SIGKILL)


def test_waiting_for_the_lock_ends_when_it_is_free(volume: Path) -> None:
    """With patience the lock is taken as soon as its holder lets go."""
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from zflow.supervise.lock import WALKER, held
        with held(Path(sys.argv[1]), WALKER):
            print("held", flush=True)
            sys.stdin.readline()
    """)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(volume)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert hear(process) == "held"
        with pytest.raises(OperatorError), held(volume, WALKER, patience=0.1):
            pass
        tell(process, "let go")
        with held(volume, WALKER, patience=LIMIT):
            pass


def test_a_lock_that_was_let_go_names_nobody(volume: Path) -> None:
    """A process that lives on after it let go, even by an error, is not taken for the holder."""
    with pytest.raises(KeyError), held(volume, WALKER):
        raise KeyError
    assert holder(volume, WALKER) is None


def test_a_holder_that_waits_to_be_reaped_is_not_alive(volume: Path) -> None:
    """Whoever looks between a process' end and its parent's wait is not told that it runs."""
    with subprocess.Popen(["sleep", "60"]) as process:
        hold_as(volume, RUNNER, process.pid)
        found = holder(volume, RUNNER)
        assert found is not None
        assert found.alive
        process.kill()
        wait_for(lambda: gone(process.pid), "its end")
        assert Path(f"/proc/{process.pid}").exists()
        assert not found.alive


def test_a_holder_of_another_boot_or_number_is_not_alive(volume: Path) -> None:
    """A process number that was given again, or one of an earlier start, is told apart from the holder."""
    hold_as(volume, RUNNER)
    found = holder(volume, RUNNER)
    assert found is not None
    assert found.alive
    assert not Holder(found.pid, found.started + 1, found.boot, found.room).alive
    assert not Holder(found.pid, found.started, "another-1", found.room).alive
    assert not Holder(found.pid, found.started, found.boot, "of another container").alive
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert not Holder(ended.pid, start_time(ended.pid), found.boot, found.room).alive


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', "\xff"])
def test_an_unreadable_lock_file_names_nobody(volume: Path, content: str) -> None:
    """A file that says nothing sensible has no holder, and is no hindrance."""
    (home(volume) / RUNNER).write_text(content, encoding="latin-1")
    assert holder(volume, RUNNER) is None
    with held(volume, RUNNER):
        assert holder(volume, RUNNER) is not None


def test_a_lock_of_another_container_is_named_as_such(volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the holder is not of this container, the error says of which start it is."""
    monkeypatch.setattr(lock, "MOMENT", 0.0)
    with held(volume, RUNNER):
        content = {"pid": 7, "started": 70, "boot": "elsewhere-70"}
        (home(volume) / RUNNER).write_text(json.dumps(content))
        with pytest.raises(OperatorError, match=r"process 7 of another container \(start elsewhere-70\)"):
            held(volume, RUNNER).__enter__()


def test_who_died_holding_a_lock_holds_it_no_more(volume: Path) -> None:
    """The kernel is asked, not the name that is left: also where a process of that number and start lives."""
    hold_as(volume, RUNNER)
    assert holder(volume, RUNNER) is not None
    let_go(volume, RUNNER)
    assert (home(volume) / RUNNER).read_text() != ""
    assert holder(volume, RUNNER) is None


def test_who_only_asks_gets_in_nobodys_way(volume: Path) -> None:
    """The lock is taken at the first try, however many ask meanwhile who holds it; it tells the right one then."""
    asking = textwrap.dedent("""
        import sys
        from pathlib import Path
        from zflow.supervise.lock import RUNNER, holder
        while True:
            holder(Path(sys.argv[1]), RUNNER)
    """)
    with held(volume, RUNNER):
        pass
    askers = [subprocess.Popen([sys.executable, "-c", asking, str(volume)], cwd=ROOT) for _ in range(2)]
    try:
        for _ in range(300):
            with held(volume, RUNNER):
                found = holder(volume, RUNNER)
                assert found is not None
                assert found.pid == os.getpid()
    finally:
        for each in askers:
            each.kill()
            each.wait()


def test_a_lock_file_that_is_none_is_a_code_and_nobody_waits(volume: Path) -> None:
    """A pipe would make whoever opens it wait, a folder or a link is no place for a name."""
    path, goal = home(volume) / WALKER, volume / "elsewhere"
    things: list[tuple[Callable[[], None], Callable[[], None]]] = [
        (lambda: os.mkfifo(path), path.unlink),
        (path.mkdir, path.rmdir),
        (lambda: path.symlink_to(goal), path.unlink),
    ]
    for make, unmake in things:
        make()
        assert holder(volume, WALKER) is None
        with pytest.raises(OperatorError) as caught, held(volume, WALKER):
            pass
        assert (caught.value.code, str(path) in caught.value.detail) == (codes.NOT_A_FILE, True)
        unmake()
    assert not goal.exists()


COMMANDS = ("run", "walk", "reset-state one --yes", "journal rebuild --yes", "status")
EACH = textwrap.dedent("""
    import json, os, sys
    import tests.engine.commands, zflow.commands.group, zflow.walk.process  # once for all
    for command in sys.argv[1:]:
        out, into = os.pipe()
        if not os.fork():
            os.dup2(into, 1), os.dup2(into, 2), os.close(out), os.close(into)
            sys.argv = ["zflow", *command.split()]
            import tests.engine.toy_zflow
            os._exit(0)
        os.close(into)
        said = open(out).read()
        print(json.dumps([command, os.waitstatus_to_exitcode(os.wait()[1]), said]), flush=True)
""")
"""Runs each of some commands in a process of its own, forked after the imports."""


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, which injects the errors")
@pytest.mark.parametrize("error", ["ENOLCK", "ENOSYS", "EIO", "EOPNOTSUPP"])
def test_a_file_system_without_locks_is_a_code(volume: Path, error: str) -> None:
    """A command that writes ends with 5, names the file and changes nothing; one that looks finds no supervisor."""
    process.walk(commands.TOY, volume, {}, "test")
    before = journal_file(volume).read_bytes()
    inject = ["-e", "trace=flock", "-e", f"inject=flock:error={error}"]
    argv = ["strace", "-f", "-qq", "-o", "/dev/null", *inject, sys.executable, "-c", EACH, *COMMANDS]
    environment = os.environ | {"ZFLOW_VOLUME": str(volume)}
    ended = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=LIMIT)
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [command for command, _, _ in answers] == list(COMMANDS)
    for command, code, said in answers:
        assert "Traceback" not in said
        if command == "status":
            assert (code, "no supervisor" in said) == (Exit.STOPPED, True), said
        else:
            assert (code, codes.NO_LOCKS.id in said) == (Exit.REFUSED, True), said
    assert journal_file(volume).read_bytes() == before


def test_the_identity_of_a_start_is_that_of_process_one() -> None:
    """Within one start it never differs, and it holds the start time of process 1."""
    assert boot_identity() == boot_identity()
    assert boot_identity().endswith(f"-{start_time(1)}")
    wait_for(lambda: start_time(os.getpid()) > 0, "our own start time")
    assert start_time(2**30) == 0
