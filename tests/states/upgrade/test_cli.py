"""`zflow upgrade`: what it says beforehand, what it refuses, and that nothing is ordered without a word."""

from __future__ import annotations

import io
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from states.zimbra import order
from tests.engine.toy import hold_as, let_go
from tests.engine.where import wait_for
from tests.states.upgrade.servers import ARCHIVE, NEW, OLD, ORDER, UNDER_WAY, server, upgraded
from zflow.commands import product
from zflow.commands.group import main
from zflow.context import Context
from zflow.exits import Exit
from zflow.supervise.lock import RUNNER, WALKER, held

Capture = pytest.CaptureFixture[str]
NAMED = ("--release", "9.0", "--url", ARCHIVE.place, "--sha256", ARCHIVE.sha256)


@dataclass
class Bystander:
    """Gives the commands the test's own context."""

    ctx: Context

    def look(self) -> Context:
        return self.ctx


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context over a proven server that the command speaks of."""
    made = server(tmp_path)
    monkeypatch.setenv("ZFLOW_VOLUME", str(tmp_path))
    monkeypatch.setattr(product, "bystander", lambda: Bystander(made))
    monkeypatch.setattr("zflow.commands.kit.PATIENCE", 0.0)
    monkeypatch.setattr("zflow.commands.steering.START", 0.0)
    return made


@pytest.fixture
def runner(ctx: Context) -> Iterator[subprocess.Popen[bytes]]:
    """Return a process instead of the supervisor, which ends when it is woken."""
    with subprocess.Popen(["sleep", "60"]) as process:
        hold_as(ctx.volume, RUNNER, process.pid)
        yield process
        process.kill()


def run(capsys: Capture, *words: str) -> tuple[int, str]:
    """Run the command; return its exit code and all that it printed."""
    code = main(["upgrade", *words])
    shown = capsys.readouterr()
    return code, shown.out + shown.err


def test_an_order_is_written_and_the_runner_woken(
    ctx: Context, runner: subprocess.Popen[bytes], capsys: Capture
) -> None:
    """From which version to which, how it goes, and that a copy is the way back: then it is ordered."""
    code, said = run(capsys, *NAMED, "--yes", "--no-follow")
    assert code == Exit.VALID
    for words in (OLD, "9.0", ARCHIVE.place, "20 to 60 minutes", "The only way back is a copy of the volume"):
        assert words in said
    assert order.ordered(ctx) == ORDER
    assert wait_for(runner.poll, "the signal") == -signal.SIGUSR1


@pytest.mark.parametrize("words", [(*NAMED, "--dry-run"), NAMED], ids=["dry run", "not confirmed"])
def test_without_a_word_nothing_is_ordered(
    ctx: Context, capsys: Capture, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """A dry run says all of it and ends well; without a person and without `--yes` it ends otherwise."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, said = run(capsys, *words)
    assert code == (Exit.VALID if "--dry-run" in words else Exit.STOPPED)
    assert "20 to 60 minutes" in said
    assert order.ordered(ctx) is None


@pytest.mark.parametrize(
    ("words", "exit_code", "told"),
    [
        ((), Exit.USAGE, "--release R"),
        (("--release", "9.0", "--url", "/x"), Exit.USAGE, "together"),
        (("--release", "9.0", "--url", "x", "--sha256", "a" * 64), Exit.USAGE, "neither an absolute path nor"),
        (("--release", "9.0", "--url", "/x", "--sha256", "a"), Exit.USAGE, "'a'"),
        (("--release", "7.0", "--url", "/x", "--sha256", "a" * 64), Exit.USAGE, "8.8.15"),
        (
            ("--release", "9.0", "--url", "https://[x/z", "--sha256", "a" * 64),
            Exit.USAGE,
            "neither an absolute path nor",
        ),
        (("--release", "9.0", "--url", "https://u:p@x/z", "--sha256", "a" * 64), Exit.USAGE, "give its path"),
        (("--release", "9.0"), Exit.STOPPED, "ZF-7003"),
    ],
)
def test_what_is_not_fully_named_is_refused(
    ctx: Context, capsys: Capture, words: tuple[str, ...], exit_code: Exit, told: str
) -> None:
    """A wrong command line is refused with the reason; nothing is ordered."""
    code, said = run(capsys, *words, *(["--yes"] if words else []))
    assert (code, told in said) == (exit_code, True), said
    assert order.ordered(ctx) is None


def test_no_order_into_a_walk(ctx: Context, capsys: Capture) -> None:
    """While a walk is under way nothing is ordered or withdrawn beside it."""
    order.give(ctx, ORDER)
    with held(ctx.volume, WALKER):
        assert run(capsys, *NAMED, "--yes")[0] == Exit.HELD
        assert run(capsys, "--withdraw")[0] == Exit.HELD
    assert order.ordered(ctx) == ORDER


def test_an_order_is_withdrawn(ctx: Context, runner: subprocess.Popen[bytes], capsys: Capture) -> None:
    """Until the installer begins the order can be withdrawn, prepared or not."""
    order.give(ctx, UNDER_WAY)
    code, said = run(capsys, "--withdraw", "--no-follow")
    assert (code, f"the server stays {OLD}" in said) == (Exit.VALID, True)
    assert order.ordered(ctx) is None
    assert wait_for(runner.poll, "the signal") == -signal.SIGUSR1
    let_go(ctx.volume, RUNNER)
    assert run(capsys, "--withdraw") == (Exit.VALID, "No upgrade is ordered.\n")


def test_an_upgrade_that_has_begun_is_not_withdrawn(ctx: Context, capsys: Capture) -> None:
    """From the installer's first line on both ways back are closed, by a code that names the way out."""
    order.give(ctx, UNDER_WAY)
    upgraded(ctx.volume, complete=False)
    for words in (("--withdraw",), (*NAMED, "--yes")):
        code, said = run(capsys, *words)
        assert (code, "ZF-7004" in said, f"{OLD} to {NEW}" in said) == (Exit.STOPPED, True, True)
    assert order.ordered(ctx) == UNDER_WAY
