"""The login monitor: what counts as ours, as running, and as started."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from states.hardening import codes, monitor, watcher, watching
from states.ubuntu import processes
from states.zimbra import marks
from tests.states.hardening.server import Server
from tests.states.install.records import write_server
from zflow.api import proc
from zflow.context import Context
from zflow.errors import OperatorError, TransientError
from zflow.step import Drift, Evidence

PATH = monitor.PATH.lstrip("/")
CONTROL = watching.CONTROL


class TestInPlace:
    """`hardening.watcher`."""

    @pytest.mark.root
    def test_put_and_put_again_after_an_upgrade(self, server: Server) -> None:
        """Root owns it and it is executable; one that was removed or damaged is restored, and the evidence says so."""
        ctx = server.context()
        assert watcher.probe(ctx) is None
        watcher.apply(ctx)
        path = server.volume / PATH
        assert (path.read_text(), path.stat().st_mode & 0o777, path.stat().st_uid) == (monitor.program(), 0o755, 0)
        assert watcher.probe(ctx) == Evidence(monitor.PATH)
        path.chmod(0o700)
        assert watcher.probe(ctx) == Drift(f"{monitor.PATH} has the mode 700 and the owner 0, not 755 and 0")
        key = watcher.inputs(ctx)
        server.upgrade("8.8.15.GA.4179.UBUNTU18.64")
        assert watcher.inputs(ctx) != key
        path.unlink()
        watcher.apply(ctx)
        assert watcher.probe(ctx) == Evidence(f"{monitor.PATH}; restored: {monitor.PATH}")

    @pytest.mark.root
    def test_an_older_one_of_ours_is_replaced(self, server: Server) -> None:
        """Another text that has our mark is an older or damaged one of ours."""
        (server.volume / PATH).write_text(f"#!/usr/bin/perl\n{monitor.LINE}0\n")
        assert isinstance(watcher.probe(server.context()), Drift)
        watcher.apply(server.context())
        assert (server.volume / PATH).read_text() == monitor.program()

    def test_the_one_of_an_earlier_zflow_was_not_changed(self, server: Server) -> None:
        """After an update of zflow the program is due, but not as changed by hand; an edited one is drift."""
        ctx, earlier = server.context(), f"#!/usr/bin/perl\n{monitor.LINE}0\n"
        marks.write(ctx, watcher.MARK, monitor.digest(earlier))
        (server.volume / PATH).write_text(earlier)
        assert watcher.probe(ctx) is None
        (server.volume / PATH).write_text(f"{earlier}# edited\n")
        assert isinstance(watcher.probe(ctx), Drift)

    def test_somebody_elses_is_left_alone(self, server: Server) -> None:
        """A program without our mark is an operator's or the vendor's: it counts as there, and is not touched."""
        (server.volume / PATH).write_text("#!/bin/sh\nexec swatchdog\n")
        assert watcher.probe(server.context()) == Evidence(f"{monitor.PATH} is not zflow's and is left alone")

    @pytest.mark.root
    def test_no_link_is_followed(self, server: Server) -> None:
        """Root does not write through a link at the program's path, next to it, or to its folder."""
        path, victim = server.volume / PATH, server.volume / "victim"
        victim.write_text("untouched")
        for planted in (path, path.with_name(f".{path.name}.zflow-new")):
            planted.symlink_to(victim)
        watcher.apply(server.context())
        assert (victim.read_text(), path.is_symlink()) == ("untouched", False)
        path.parent.rename(server.volume / "libexec")
        path.parent.symlink_to(server.volume / "libexec")
        with pytest.raises(NotADirectoryError):
            watcher.apply(server.context())

    def test_it_is_perl_that_compiles(self) -> None:
        """The program has its mark, no module beyond Perl's core, and no warning."""
        assert monitor.LINE in monitor.program()
        done = subprocess.run(["perl", "-wc", str(monitor.PROGRAM)], capture_output=True, text=True, check=False)
        assert done.stderr == f"{monitor.PROGRAM} syntax OK\n"
        used = {line.split()[1].rstrip(";") for line in monitor.program().splitlines() if line.startswith("use ")}
        assert used == {"strict", "warnings", "Fcntl", "Getopt::Long", "POSIX"}


@pytest.fixture
def living() -> Iterator[int]:
    """The id of a process whose command line is the login monitor's; it ends with the pipe it reads."""
    process = subprocess.Popen(["sh", "-c", "read -r _", monitor.PATH], stdin=subprocess.PIPE)
    yield process.pid
    process.kill()
    process.communicate()


class TestAtWork:
    """`hardening.watching`."""

    @pytest.fixture(autouse=True)
    def inside(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let this test's own processes count as inside, and patience be short."""
        monkeypatch.setattr(processes, "inside", lambda _ctx, pid: proc.parent(pid) == os.getpid())
        monkeypatch.setattr(watching, "PATIENCE", 0.5)

    def note(self, server: Server, pid: int) -> None:
        """Leave a number where the vendor's tool does."""
        (server.volume / watching.PID_FILE.lstrip("/")).write_text(f"{pid}\n")

    def started_by(self, server: Server, pid: int, words: str) -> Context:
        """Return a context whose zmauditswatchctl starts this process with these words."""

        def control(argv: list[str]) -> int:
            if argv == ["start"]:
                print("Starting auditswatch...done.")
                self.note(server, pid)
                (server.volume / watching.OUTPUT.lstrip("/")).write_text(words)
            return 0 if watching.running(server.context()) else 1

        server.tools = {**server.tools, CONTROL: control, "rm": lambda argv: self.remove(server, argv[-1])}
        return server.context()

    def remove(self, server: Server, path: str) -> int:
        """Remove a file on the volume."""
        (server.volume / path.lstrip("/")).unlink(missing_ok=True)
        return 0

    def test_a_number_alone_is_no_process(self, server: Server, living: int) -> None:
        """Only a living process with the login monitor's command line counts, not whatever has its number by now."""
        ctx = server.context()
        assert watching.probe(ctx) is None
        for pid, expected in ((1 << 29, None), (1, None), (living, Evidence(f"process {living}"))):
            self.note(server, pid)
            assert watching.probe(ctx) == expected

    def test_started_and_ready(self, server: Server, living: int) -> None:
        """A number left behind is dropped before the start, and the start is over once the program says it watches."""
        (server.volume / PATH).write_text(monitor.program())
        ctx = self.started_by(server, living, "watching /opt/zimbra/log/audit.log for admin@example.test\n")
        self.note(server, 1)
        watching.apply(ctx)
        assert [argv[:2] for argv in server.commands][:2] == [("rm", "-rf"), (CONTROL, "start")]
        assert watching.audit(ctx) == Evidence(f"process {living}")

    def test_one_whose_number_was_lost_is_no_second_one(self, server: Server, living: int) -> None:
        """Two monitors would send each alert twice: one that no file names is ended before the start."""
        (server.volume / PATH).write_text(monitor.program())
        words = ["sh", "-c", "read -r _", monitor.PATH, f"--config-file={watching.RENDERED}"]
        with subprocess.Popen(words, stdin=subprocess.PIPE) as lost:
            watching.apply(self.started_by(server, living, "watching \n"))
            assert lost.wait(30) == -signal.SIGTERM

    @pytest.mark.parametrize("words", ["auditswatch: names no recipient\n", ""])
    def test_done_although_the_child_died(self, server: Server, words: str) -> None:
        """`done.` of the vendor's tool is not believed: without a living process it failed, in the program's words."""
        (server.volume / PATH).write_text(monitor.program())
        ctx = self.started_by(server, 1 << 29, words)
        with pytest.raises(TransientError) as failed:
            watching.apply(ctx)
        assert failed.value.code is codes.WATCHER
        assert words.strip() in failed.value.detail
        assert watching.audit(ctx) == Drift("the login monitor does not run")

    def test_alive_but_not_ready(self, server: Server, living: int) -> None:
        """A process of ours that does not say that it watches is not taken for one that does."""
        (server.volume / PATH).write_text(monitor.program())
        with pytest.raises(TransientError):
            watching.apply(self.started_by(server, living, ""))

    def test_somebody_elses_needs_but_live(self, server: Server, living: int) -> None:
        """Of another program nobody knows what it prints."""
        (server.volume / PATH).write_text("#!/bin/sh\n")
        watching.apply(self.started_by(server, living, ""))

    def test_the_watch_changes_when_it_dies(self, server: Server, living: int) -> None:
        """What the supervisor runs tells a living process from a dead one; before there is a server it runs nothing."""
        assert watching.watches(server.context()) == ()
        write_server(server.volume)
        (watch,) = watching.watches(server.context())
        answers = []
        for pid in (living, 1 << 29):
            self.note(server, pid)
            answers.append(subprocess.run(watch.argv, check=False).returncode == 0)
        assert answers == [True, False]


class TestAlert:
    """`zflow alert --test`."""

    def test_a_test_message(self, server: Server) -> None:
        """Our program is run with the rendered configuration, which tells the recipient too."""
        (server.volume / PATH).write_text(monitor.program())
        rendered = server.volume / watching.RENDERED.lstrip("/")
        rendered.write_text('\tmail addresses=noc\\@example.test,subject="x"\n')
        assert watching.test_alert(server.context()) == "noc@example.test"
        assert server.commands == [(monitor.PATH, f"--config-file={watching.RENDERED}", "--test")]

    @pytest.mark.parametrize("text", ["", "#!/bin/sh\n"])
    def test_somebody_elses_is_not_run(self, server: Server, text: str) -> None:
        """A program that may take `--test` for anything is not run."""
        (server.volume / PATH).write_text(text)
        with pytest.raises(OperatorError) as refused:
            watching.test_alert(server.context())
        assert refused.value.code is codes.NO_WATCHER
        assert server.commands == []
