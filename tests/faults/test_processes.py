"""Faults of processes: nobody reads the output, storms of signals, orphans, no memory, hanging installers, clocks."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from states.zimbra import installers, leftovers
from states.zimbra.codes import QUESTION
from tests.engine.child import NAMES
from tests.engine.toy import Bench, effects, file_step, product
from tests.engine.where import LIMIT, ROOT, gone, wait_for
from tests.faults.matrix import LONG, chance, judge
from tests.support import make_context
from zflow import codes
from zflow.context import Context
from zflow.errors import CommandError, OperatorError
from zflow.exits import Exit
from zflow.journal.reader import reading
from zflow.journal.seal import wrong
from zflow.status.document import gather
from zflow.status.view import as_text
from zflow.supervise.lock import RUNNER, WALKER, holder

STORY = "processes"
YEARS = 10 * 365 * 86400
MEMORY = Path("/sys/fs/cgroup/memory")


def full_pipe() -> tuple[int, int]:
    """Return both ends of a pipe that takes nothing more."""
    taken, given = os.pipe()
    fcntl.fcntl(given, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(given, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(given, b"x" * 4096):
            pass
    os.set_blocking(given, True)
    return taken, given


@contextlib.contextmanager
def supervised(volume: Path, output: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the real supervisor and walker over the toy product; kill what is left of them."""
    walker = [sys.executable, "-m", "tests.engine.child", str(volume)]
    argv = [sys.executable, "-m", "tests.engine.supervised", str(volume), *walker]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def state(volume: Path) -> object:
    """Return the machine's state, None while there is none."""
    return gather(volume)["state"]


@pytest.mark.slow
@pytest.mark.parametrize("reader", ["full", "gone"])
def test_nobody_reads_the_output(tmp_path: Path, reader: str) -> None:
    """A pipe that is full, or whose reader is gone, holds up neither the walk nor TERM."""
    taken, given = full_pipe()
    if reader == "gone":
        os.close(taken)
    bad = []
    with supervised(tmp_path, given) as process:
        wait_for(lambda: state(tmp_path) == "serving", "serving")
        process.send_signal(signal.SIGTERM)
        if (code := process.wait(LIMIT)) != Exit.VALID:
            bad.append(f"it ended with {code}")
    if effects(tmp_path) != list(NAMES):
        bad.append(f"effects {effects(tmp_path)}")
    os.close(given)
    judge(STORY, f"output into a pipe: {reader}", 1, bad, "served, and ended by TERM")


@pytest.mark.slow
def test_a_storm_of_signals(tmp_path: Path) -> None:
    """HUP, USR1, CHLD and at last TERM by the hundred, to supervisor and walker at any time: an end in order."""
    source, bad, outcomes, sent = chance("signals"), [], Counter[str](), 0
    for number in range(15 if LONG else 2):
        volume = tmp_path / str(number)
        volume.mkdir()
        with (volume / "output").open("wb") as output, supervised(volume, output.fileno()) as process:
            wait_for(partial(holder, volume, RUNNER), "the runner")
            until = time.monotonic() + source.uniform(0.05, 2.5)
            last = [signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD]
            while time.monotonic() < until:
                process.send_signal(source.choice(last))
                walker = holder(volume, WALKER)
                if walker is not None and walker.alive and source.random() < 0.3:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(walker.pid, signal.SIGUSR1)
                sent += 1
                time.sleep(source.uniform(0, 0.01))
            for _ in range(100):
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGTERM)
                sent += 1
            code = process.wait(LIMIT)
        outcomes[f"ended with {code}"] += 1
        shown = (volume / "output").read_text()
        if code != Exit.VALID or "Traceback" in shown:
            bad.append(f"storm {number}: {code} {shown[-400:]}")
        if (volume / ".zflow/journal.sqlite3").exists():
            with reading(volume) as journal:
                bad += [f"storm {number}: {damage}" for damage in [wrong(journal)] if damage]
        if len(set(effects(volume))) != len(effects(volume)):
            bad.append(f"storm {number}: effects {effects(volume)}")
    judge(STORY, "signals sent in storms that end with a hundred TERM", sent, bad, outcomes)


@pytest.mark.slow
def test_a_flood_of_orphans_does_not_confuse_exit_codes(tmp_path: Path) -> None:
    """Commands that leave hundreds of orphans behind: each exit code is the command's own, and no zombie is ours."""
    shell, bad = make_context(tmp_path).shell, []
    tried = 100 if LONG else 10
    for number in range(tried):
        code = number % 256
        flood = f"i=0; while [ $i -lt 100 ]; do (sleep 0.01 &) ; i=$((i+1)); done; exit {code}"
        if (found := shell.run("sh", "-c", flood, ok=range(256)).code) != code:
            bad.append(f"{found} in the place of {code}")
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    bad += [f"zombie {pid}" for pid in children if gone(int(pid))]
    judge(STORY, "commands that leave a hundred orphans each", tried, bad, "its own exit code, no zombie")


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.skipif(not os.access(MEMORY, os.W_OK), reason="needs a memory cgroup")
def test_a_child_that_the_kernel_kills_for_want_of_memory(tmp_path: Path) -> None:
    """The command's step fails with its signal, is tried again, and the walk goes on once there is memory."""
    group = MEMORY / f"zflow-test-{os.getpid()}"
    group.mkdir()
    (group / "memory.limit_in_bytes").write_text("16M")
    greedy = f"echo $$ >{group}/cgroup.procs; exec {sys.executable} -c 'bytearray(200 << 20)'"
    killed: list[int] = []

    def eat(ctx: Context) -> None:
        try:
            ctx.shell.run("sh", "-c", greedy if len(killed) < 2 else "true")
        except CommandError as error:
            killed.append(error.exit_code)
            raise

    bench = Bench(tmp_path)
    bench.wake.set()
    try:
        ended = [bench.walk(product(file_step("one.a", before=eat)))]
        bench.wake.set()
        ended.append(bench.walk(product(file_step("one.a", before=eat))))
    finally:
        wait_for(lambda: not (group / "cgroup.procs").read_text(), "an empty group")
        group.rmdir()
    bad = [] if (ended[-1], set(killed)) == ("serving", {-signal.SIGKILL}) else [f"{ended} {killed}"]
    judge(STORY, "a child killed for want of memory", len(killed), bad, "failed by its signal, tried again")


@pytest.mark.parametrize(
    "behaviour",
    [
        "sleep 60",
        "trap '' TERM HUP INT; while :; do sleep 1; done",
        "printf 'Continue? [N] '; read answer; sleep 60",
        "sleep 60 & exec sleep 60",
        "exec >/dev/null 2>&1; sleep 60",
        "kill -STOP $$",
    ],
)
@pytest.mark.slow
def test_an_installer_that_hangs_is_ended_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str
) -> None:
    """Silent, deaf to TERM, asking, forking, without an output, stopped: ended, with what it spawned, by a code."""
    monkeypatch.setattr("zflow.host.command.GRACE", 0.5)
    monkeypatch.setattr(installers, "SILENCE", 0.7)
    monkeypatch.setattr(leftovers, "end_all", lambda _ctx: None)
    ctx = make_context(tmp_path)
    monkeypatch.setattr(type(ctx.shell), "chroot", lambda self, *argv, **options: self.run(*argv[-3:], **options))
    with pytest.raises((CommandError, OperatorError)) as caught:
        installers.run(ctx, "sh", "-c", behaviour, on_line=lambda _line: None, shut=lambda _ctx: None)
    known = {codes.SILENCE.id, codes.TIME_LIMIT.id, QUESTION.id}
    bad = [] if caught.value.code.id in known else [f"{caught.value}"]
    judge(STORY, f"an installer that hangs: `{behaviour.replace('|', '')[:60]}`", 1, bad, caught.value.code.id)


@pytest.mark.parametrize("jump", [YEARS, -YEARS], ids=["forward", "back"])
def test_a_clock_that_is_ten_years_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: int) -> None:
    """The wall clock jumps before, within and after each step, and between walks: order and end are as ever."""
    names = ["one.a", "one.once", "two.a"]
    bad = []
    for place in range(2 * len(names) + 1):
        volume = tmp_path / str(place)
        volume.mkdir()
        bench = Bench(volume)

        def shift(ctx: Context, place: int = place, bench: Bench = bench) -> None:
            if len(effects(ctx.volume)) * 2 in {place, place - 1}:
                bench.now += jump
            if place % 2 and not (ctx.volume / "failed").exists():
                (ctx.volume / "failed").touch()
                raise CommandError(codes.COMMAND, ("false",), 1, "once")

        bench.wake.set()
        ended = bench.walk(product(*(file_step(name, once=name == "one.once", before=shift) for name in names)))
        bench.now += jump
        again = bench.walk(product(*(file_step(name, once=name == "one.once") for name in names)))
        with reading(volume) as journal:
            damage = wrong(journal)
        as_text(gather(volume))
        if (ended, again, damage) != ("serving", "serving", None) or effects(volume) != names:
            bad.append(f"place {place}: {ended} {again} {damage} {effects(volume)}")
    judge(
        STORY,
        f"the clock set {'ten years forward' if jump > 0 else 'ten years back'} in a walk",
        place + 1,
        bad,
        "served",
    )
