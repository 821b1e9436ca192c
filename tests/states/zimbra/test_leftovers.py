"""Ending what an earlier attempt left running: with real processes inside, and in which order."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen

import pytest

from states.ubuntu.processes import command_of
from states.zimbra import leftovers
from states.zimbra.proof import DATA
from states.zimbra.services import RECORD
from tests.states.install.inside import living, nameless
from tests.states.install.shells import Answering, commands
from tests.support import make_context

pytestmark = pytest.mark.root
PATIENCE = 30
"""Seconds after which a process counts as one that was not ended."""
WORDS = {
    "installer": "/opt/zimbra/libexec/zmsetup.pl",
    "slapd": "/opt/zimbra/common/libexec/slapd",
    "shell": "/bin/bash",
}
Alive = dict[str, Popen[bytes]]


@pytest.fixture
def alive(tmp_path: Path) -> Iterator[Alive]:
    """Run an installer, a server and an operator's shell inside."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    with ExitStack() as stack:
        yield {name: stack.enter_context(living(tmp_path, word)) for name, word in WORDS.items()}


def running(alive: Alive) -> set[str]:
    """Return the names of those that still run."""
    return {name for name, process in alive.items() if process.poll() is None}


def test_a_server_is_stopped_the_vendors_way_first(tmp_path: Path, alive: Alive) -> None:
    """The installer is ended, then zmcontrol asked, then what it left is ended; an operator's shell stays."""
    (tmp_path / DATA[1]).mkdir(parents=True)
    seen: list[set[str]] = []

    def answer(_argv: tuple[str, ...]) -> str:
        alive["installer"].wait(PATIENCE)
        seen.append(running(alive))
        return ""

    ctx = make_context(tmp_path, shell=Answering(tmp_path, answer))
    leftovers.end_all(ctx)
    assert commands(ctx) == [("zmcontrol", "stop")]
    assert seen == [{"slapd", "shell"}]
    assert alive["slapd"].wait(PATIENCE) == -signal.SIGTERM
    assert running(alive) == {"shell"}


def test_without_data_there_is_nothing_to_stop_with_patience(tmp_path: Path, alive: Alive) -> None:
    """Where nothing was configured the vendor's command would fail, and take its time for that."""
    ctx = make_context(tmp_path, shell=Answering(tmp_path))
    leftovers.end_all(ctx)
    assert commands(ctx) == []
    assert alive["slapd"].wait(PATIENCE) == -signal.SIGTERM


def test_a_server_on_record_is_ended_though_its_files_are_gone(tmp_path: Path, alive: Alive) -> None:
    """A root's process whose command does not name the vendor's folder keeps its port, whoever moved the folder."""
    ctx = make_context(tmp_path, shell=Answering(tmp_path))
    with living(tmp_path, "/usr/lib/postfix/sbin/master") as master:
        content = {"boot": ctx.boot, "services": [], "ports": [], "pid_files": {"gone": command_of(master.pid)}}
        (tmp_path / RECORD).parent.mkdir(parents=True)
        (tmp_path / RECORD).write_text(json.dumps(content))
        leftovers.end_all(ctx)
        assert master.wait(PATIENCE) == -signal.SIGTERM
    assert running(alive) == {"shell"}


def test_an_empty_command_on_record_is_nobodys(tmp_path: Path, alive: Alive) -> None:
    """A process that ended while the record was made left no command there, as some that are no server's have none."""
    ctx = make_context(tmp_path, shell=Answering(tmp_path))
    with nameless(tmp_path) as other:
        content = {"boot": ctx.boot, "services": [], "ports": [], "pid_files": {"gone": ""}}
        (tmp_path / RECORD).parent.mkdir(parents=True)
        (tmp_path / RECORD).write_text(json.dumps(content))
        leftovers.end_all(ctx)
        assert other.poll() is None
    assert alive["slapd"].poll() is not None


def test_the_end_of_an_installer_is_not_the_servers(tmp_path: Path, alive: Alive) -> None:
    """An installer that asks is ended alone: what serves goes on."""
    ctx = make_context(tmp_path, shell=Answering(tmp_path))
    leftovers.end_installers(ctx)
    assert alive["installer"].wait(PATIENCE) == -signal.SIGTERM
    assert running(alive) == {"slapd", "shell"}
