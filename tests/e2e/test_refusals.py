"""What can be wrong from outside: each is a coded error with a remedy, and nothing is left half done."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from rehearsal.machine import Machine
from rehearsal.setup import machine, stand_in
from rehearsal.standin.build import StandIn
from tests.e2e.conftest import MakeMachine
from tests.e2e.looks import eventually

pytestmark = [pytest.mark.container, pytest.mark.network]


def blocked_with(found: Machine, timeout: float = 600) -> str:
    """Wait until the walk has stopped and return the code that `status` shows, after checking how it shows it."""
    assert found.wait_valid(timeout) == 1, found.logs()[-4000:]
    document = found.status()
    text = found.run("zflow", "status").stdout
    assert document["problem"]["code"] in text
    assert "What to do: " in text
    assert found.run("zflow", "health").returncode == 0
    return str(document["problem"]["code"])


def test_a_volume_with_a_strangers_files_is_refused_untouched(image: None, release: StandIn) -> None:
    """A volume that holds something else ends the container with exit code 5, and nothing on it changes."""
    stranger = machine("zflow-test-stranger", release)
    stranger.create()
    (stranger.volume_path() / "photos").mkdir()
    (stranger.volume_path() / "photos/1.jpg").write_text("not ours")
    try:
        stranger.start()
        assert stranger.wait_stopped(60) == 5
        assert "ZF-20" in stranger.logs()
        assert "photos" in stranger.logs()
        names = {each.name for each in stranger.volume_path().iterdir()}
        assert names - {"app"} == {"photos"}
    finally:
        stranger.remove()


def test_a_journal_from_a_newer_zflow_is_refused(image: None, release: StandIn) -> None:
    """A journal with an unknown revision ends the container with exit code 5 and the way back."""
    older = machine("zflow-test-older", release)
    older.create()
    home = older.volume_path() / ".zflow"
    home.mkdir(mode=0o700)
    with sqlite3.connect(home / "journal.sqlite3") as journal:
        journal.execute("CREATE TABLE alembic_version (version_num TEXT)")
        journal.execute("INSERT INTO alembic_version VALUES ('9999')")
    journal.close()
    try:
        older.start()
        assert older.wait_stopped(60) == 5
        assert "ZF-1003" in older.logs()
        assert "Start the newer image again" in older.logs()
    finally:
        older.remove()


def test_a_read_only_volume_is_refused(image: None, release: StandIn) -> None:
    """A volume that cannot be written ends the container with exit code 5 and says so."""
    fixed = machine("zflow-test-fixed", release)
    fixed.mounts = ()
    fixed.volume_options = "ro,dev,suid,exec"
    fixed.create()
    try:
        fixed.start()
        assert fixed.wait_stopped(60) == 5
        assert "what to do" in fixed.logs()
        assert list(fixed.volume_path().iterdir()) == []
    finally:
        fixed.remove()


def test_a_wrong_checksum_blocks_before_anything_is_unpacked(make_machine: MakeMachine) -> None:
    """An archive that is not the pinned one is never run: blocked, with both sums named."""
    found = make_machine({"ZFLOW_RELEASE_SHA256": "0" * 64})
    found.start()
    assert blocked_with(found).startswith("ZF-30")
    assert not (found.volume_path() / "opt/zimbra").exists()


def test_a_dead_mirror_is_retried_and_says_when(image: None, release: StandIn) -> None:
    """With no mirror the build waits in back-off, and status shows the next try and exit code 3."""
    found = machine("zflow-test-dead", release, {"ZFLOW_MIRROR": "http://127.0.0.1:9/ubuntu"})
    found.create()
    found.start()
    try:
        said = [found.run("zflow", "status")]

        def waits() -> bool:
            said.append(found.run("zflow", "status"))
            return re.search(r"ZF-20\d\d, attempt \d+ in \d+ s, at ", said[-1].stdout) is not None

        assert eventually(waits), said[-1].stdout
        assert said[-1].returncode == 3
    finally:
        found.remove()


def test_a_missing_password_file_blocks_with_its_name(make_machine: MakeMachine) -> None:
    """A `_FILE` setting that names no file is a wrong setting, found before anything is installed."""
    found = make_machine({"ZFLOW_ADMIN_PASSWORD_FILE": "/run/secrets/absent"})
    found.start()
    assert blocked_with(found) == "ZF-1001"
    assert "/run/secrets/absent" in found.status()["problem"]["detail"]
    assert not (found.volume_path() / "etc").exists()


def test_a_strange_installer_is_a_named_error(make_machine: MakeMachine, tmp_path: Path) -> None:
    """An installer that asks is ended and named, never waited for; `test_installers.py` has all that it may do."""
    found = make_machine(release=stand_in(tmp_path, unknown_question="1"))
    found.start()
    assert blocked_with(found, 1200) == "ZF-3012"
