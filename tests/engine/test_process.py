"""The walker as a process: its locks, its signals, what it refuses, and how it says so by its exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.child import NAMES, toy
from tests.engine.toy import Bench, effects, file_step, product
from tests.engine.where import LIMIT, ROOT, gone, wait_for
from zflow import codes
from zflow.context import Context
from zflow.errors import OperatorError
from zflow.exits import Exit
from zflow.host.boot import boot_identity
from zflow.host.leftovers import TAG
from zflow.journal.layout import home
from zflow.settings import Setting
from zflow.step import Product
from zflow.supervise.lock import WALKER, held
from zflow.values import text
from zflow.walk import process

TOY = product(file_step("one.a"))


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Give back the signal handlers that a walker in this process takes."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def spawned(volume: Path, *words: str) -> subprocess.Popen[str]:
    """Start the toy's walker as a process of its own."""
    argv = [sys.executable, "-m", "tests.engine.child", str(volume), *words]
    return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_walk_ends_serving_and_a_second_finds_everything(tmp_path: Path) -> None:
    """Exit code 0 both times, and no effect twice."""
    for _ in range(2):
        assert process.walk(toy(), tmp_path, {}, "test") == Exit.VALID
    assert effects(tmp_path) == list(NAMES)


def test_a_report_that_a_killed_walker_left_is_removed(tmp_path: Path) -> None:
    """The next attempt would show how far the one before had come until its own first report."""
    left = home(tmp_path) / "progress/one.a.json"
    (left.parent / "a folder").mkdir(parents=True)
    left.write_text("{}")
    seen: list[bool] = []
    step = file_step("one.a", before=lambda _ctx: seen.append(left.exists()))
    process.walk(product(step), tmp_path, {}, "test")
    assert seen == [False]


def test_wrong_settings_block_and_name_every_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is begun; the journal and the output say what is wrong, and correct settings go on."""
    what = Product("toy", TOY.states, settings=(Setting("word", text, None, "a word", "x"),))
    assert process.walk(what, tmp_path, {"ZFLOW_WORD": "", "ZFLOW_WROD": "x"}, "test") == Exit.STOPPED
    row = Bench(tmp_path).position()
    assert (row["state"], row["place"], row["code"]) == ("blocked", "one", codes.SETTINGS.id)
    assert "2 mistakes" in row["detail"]
    assert codes.SETTINGS.remedy in capsys.readouterr().out
    assert process.walk(what, tmp_path, {"ZFLOW_WORD": "x"}, "test") == Exit.VALID


def test_settings_that_the_product_refuses_on_this_volume(tmp_path: Path) -> None:
    """The walk is blocked before a step is begun, also one ahead of its turn; accepted, it goes on."""

    def refuse(_ctx: Context) -> None:
        raise OperatorError(codes.SETTINGS, "not on this volume")

    states = product(file_step("one.a"), file_step("one.ahead", ahead=True)).states
    assert process.walk(Product("toy", states, accept=refuse), tmp_path, {}, "test") == Exit.STOPPED
    row = Bench(tmp_path).position()
    assert (row["state"], row["code"], row["detail"]) == ("blocked", codes.SETTINGS.id, "not on this volume")
    assert effects(tmp_path) == []
    assert process.walk(Product("toy", states), tmp_path, {}, "test") == Exit.VALID


def test_what_nothing_new_is_made_with_stops_no_walk(tmp_path: Path) -> None:
    """The product decides whether something is made: the walk of what is there already goes on."""

    def never(_written: str) -> None:
        raise ValueError("nothing new is made with it")

    what = Product("toy", TOY.states, settings=(Setting("word", text, None, "a word", "x", strict=never),))
    assert process.walk(what, tmp_path, {"ZFLOW_WORD": "x"}, "test") == Exit.VALID


def test_a_volume_that_the_product_refuses_is_left_untouched(tmp_path: Path) -> None:
    """A stranger's volume is exit code 5, and zflow leaves no trace on it."""

    def refuse(_volume: Path) -> None:
        raise OperatorError(codes.SETTINGS, "a stranger's volume")

    assert process.walk(Product("toy", TOY.states, admit=refuse), tmp_path, {}, "test") == Exit.REFUSED
    assert list(tmp_path.iterdir()) == []


def test_a_held_volume_is_exit_code_four(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another walker writes, this one does nothing."""
    monkeypatch.setattr(process, "PATIENCE", 0.0)
    process.walk(TOY, tmp_path, {}, "test")
    before = Bench(tmp_path).events()
    with held(tmp_path, WALKER):
        assert process.walk(TOY, tmp_path, {}, "test") == Exit.HELD
    assert Bench(tmp_path).events() == before


def test_term_ends_the_command_under_way_and_is_recorded(tmp_path: Path) -> None:
    """The walker ends with 3 once its command's whole group has, and the attempt is `interrupted`."""
    with spawned(tmp_path, "slow") as walker:
        pid = int(wait_for(lambda: read(tmp_path / "pid"), "the command"))
        walker.send_signal(signal.SIGTERM)
        assert walker.wait(LIMIT) == Exit.IN_PROGRESS
    assert gone(pid)
    assert Bench(tmp_path).kinds("one.slow") == ["started", "interrupted"]


def test_a_killed_walkers_command_is_ended_by_the_next_walker(tmp_path: Path) -> None:
    """What a kill left running does not go on beside its successor."""
    with spawned(tmp_path, "slow") as walker:
        pid = int(wait_for(lambda: read(tmp_path / "pid"), "the command"))
        walker.kill()
    assert not gone(pid)
    assert f"{TAG}={tmp_path}:".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    assert process.walk(TOY, tmp_path, {}, "test") == Exit.VALID
    wait_for(lambda: gone(pid), "the leftover's end")


def read(path: Path) -> str:
    """Return what a file holds so far."""
    return path.read_text().strip() if path.exists() else ""


def test_the_journal_holds_who_walked_and_when_the_container_started(tmp_path: Path) -> None:
    """Each event carries the start of the container and the run it belongs to."""
    for _ in range(2):
        process.walk(TOY, tmp_path, {}, "test")
    rows = Bench(tmp_path).events()
    assert {row["boot"] for row in rows} == {boot_identity()}
    assert len({row["run"] for row in rows}) == 2
    assert home(tmp_path).stat().st_mode & 0o777 == 0o700


def test_files_for_others_under_any_umask(tmp_path: Path) -> None:
    """An engine that hides new files from others (podman run --umask 0077) does not hide them from apt's own user."""
    argv = [sys.executable, "-m", "tests.engine.toy_zflow", "walk"]
    environment = {"PATH": os.defpath, "ZFLOW_VOLUME": str(tmp_path)}
    done = subprocess.run(argv, cwd=ROOT, env=environment, umask=0o077, capture_output=True, text=True, check=False)
    assert done.returncode == Exit.VALID, done.stdout + done.stderr
    assert (tmp_path / "effects").stat().st_mode & 0o777 == 0o644
    assert home(tmp_path).stat().st_mode & 0o777 == 0o700
