"""No traceback, whatever the terminal is: a reader that has gone, Ctrl-C, a locale without Unicode, no colour."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.where import LIMIT, ROOT, wait_for
from tests.terminal.stages import STAGES
from tests.terminal.test_status_text import SGR

ZFLOW = (sys.executable, "-m", "zflow")
HEARING = ("env", "--default-signal=INT")
"""A shell starts what runs in the background with SIGINT ignored, and so would be what the tests start."""


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume whose walk is blocked, with many events."""
    folder = tmp_path_factory.mktemp("volume")
    STAGES["blocked"](folder)
    return folder


def environment(volume: Path, **more: str) -> dict[str, str]:
    """Return the environment of a command over the volume, with no locale but the one given."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"ZFLOW_VOLUME": str(volume)} | more


def piped(volume: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command with its output in a pipe."""
    argv = [*ZFLOW, *arguments]
    return subprocess.run(
        argv, cwd=ROOT, env=environment(volume, **more), capture_output=True, timeout=LIMIT, check=False
    )


def on_terminal(volume: Path, *arguments: str, **more: str) -> str:
    """Run a command on a terminal of its own and return what it wrote there."""
    master, slave = pty.openpty()
    with subprocess.Popen([*ZFLOW, *arguments], cwd=ROOT, env=environment(volume, **more), stdout=slave) as process:
        os.close(slave)
        found = b""
        while piece := _read(master):
            found += piece
        process.wait(LIMIT)
    os.close(master)
    return found.decode()


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:  # EIO: the last holder of the other end has closed it (tty_ioctl(4))
        return b""


@pytest.mark.parametrize("command", ["status", "history"])
def test_a_reader_that_has_gone_is_no_error(volume: Path, command: str) -> None:
    """With nobody left to read, the command ends as others do, in silence."""
    reader, writer = os.pipe()
    os.close(reader)
    argv = [*ZFLOW, *command.split()]
    with os.fdopen(writer, "wb") as out:
        ended = subprocess.run(
            argv, cwd=ROOT, env=environment(volume), stdout=out, stderr=subprocess.PIPE, timeout=LIMIT, check=False
        )
    assert (ended.stderr, ended.returncode) == (b"", 141)


def test_a_closed_output_is_no_error(volume: Path) -> None:
    """A command whose output was closed by its caller still has its exit code."""
    argv = ["sh", "-c", 'exec "$@" >&-', "sh", *ZFLOW, "status"]
    ended = subprocess.run(argv, cwd=ROOT, env=environment(volume), stderr=subprocess.PIPE, timeout=LIMIT, check=False)
    assert (ended.stderr, ended.returncode) == (b"", 1)


def test_ctrl_c_is_no_error(volume: Path) -> None:
    """Waiting ends at once with the code that a shell gives it."""
    (volume / ".zflow/logs/one").mkdir(exist_ok=True)
    (volume / ".zflow/logs/one/a.1.log").write_text("a line\n")
    argv = [*HEARING, *ZFLOW, "logs", "-f"]
    with subprocess.Popen(
        argv,
        cwd=ROOT,
        env=environment(volume),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"a line\n"
        process.send_signal(signal.SIGINT)
        assert b"Traceback" not in process.stderr.read()
        assert wait_for(process.poll, "the end") == 130


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("status", {"LANG": "C"}), ("status", {"PYTHONIOENCODING": "ascii"}), ("graph", {"LC_ALL": "POSIX"}),
    ],
)  # fmt: skip
def test_without_unicode_everything_is_ascii(volume: Path, command: str, more: dict[str, str]) -> None:
    """In a C locale the text is the same with a stand-in for each sign."""
    ended = piped(volume, *command.split(), **more)
    assert ended.stdout.isascii()
    assert ended.stderr == b""
    if command == "graph":
        assert b"  x tls  < here\n  |\n  + hardening\n" in ended.stdout
    else:
        assert b"x blocked in tls: needs your action" in ended.stdout
        assert re.search(rb"^  \+ bootstrap   (\d+) of \1 ", ended.stdout, re.MULTILINE)


def test_colour_is_for_terminals_that_want_it(volume: Path) -> None:
    """A terminal gets colours; a pipe, NO_COLOR and `--no-color` get none."""
    assert "\x1b[31m" in on_terminal(volume, "status", TERM="xterm")
    assert "\x1b" not in piped(volume, "status", TERM="xterm").stdout.decode()
    assert "\x1b" not in on_terminal(volume, "status", TERM="xterm", NO_COLOR="1")
    assert "\x1b" not in on_terminal(volume, "status", "--no-color", TERM="xterm")


@pytest.mark.slow
def test_watching_gives_the_terminal_back(volume: Path) -> None:
    """The status is drawn on the terminal's second screen; Ctrl-C, exit code 0, leaves the last one on the first."""
    master, slave = pty.openpty()
    argv = [*HEARING, *ZFLOW, "status", "--watch"]
    with subprocess.Popen(
        argv,
        cwd=ROOT,
        env=environment(volume, TERM="xterm"),
        stdout=slave,
        stderr=slave,
    ) as process:
        os.close(slave)
        found = b""
        while b"zflow explain" not in found:
            found += _read(master)
        process.send_signal(signal.SIGINT)
        while piece := _read(master):
            found += piece
        assert process.wait(LIMIT) == 0
    os.close(master)
    drawn, _, after = found.decode().partition("\x1b[?1049l")
    assert "\x1b[?1049h" in drawn
    assert "blocked in tls: needs your action" in SGR.sub("", after)
    assert "Traceback" not in after
