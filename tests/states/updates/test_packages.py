"""An interrupted package manager's work is completed, and the evidence names it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from states.ubuntu import dpkg
from states.updates import packages
from tests.states.bootstrap.ubuntu import make_tree, stanza
from tests.support import make_context
from zflow.api import Context

ROOT = Path(__file__).parents[3]


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Return a context over a small Ubuntu."""
    return make_context(make_tree(tmp_path))


@pytest.fixture(scope="module")
def seen() -> Any:
    """Return what was seen of a real dpkg, killed while it unpacked and while it configured."""
    spaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    argv = [*spaces, sys.executable, "-m", "tests.states.updates.interrupted"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.root
@pytest.mark.parametrize(("version", "state"), [("2", "half-configured"), ("3", "half-installed, reinstreq")])
def test_a_killed_upgrade_is_completed(seen: Any, version: str, state: str) -> None:
    """Killed while it configures or while it unpacks, dpkg leaves what apt refuses to work on; the step completes
    it, says so, and apt works again."""
    found = seen[version]
    assert found["during"] == "no package is half done"
    assert (found["left"], found["check"], found["probe"]) == ({"slow": state}, 100, None)
    assert (found["after"], found["works"]) == (f"completed at this start: slow ({state})", 0)


@pytest.mark.root
def test_what_cannot_be_completed_is_told(seen: Any) -> None:
    """Without the package's archive it stays a notice, is tried again on the operator's word, and stops nothing; the
    operator's configuration file is the one that is kept through it all."""
    found = seen["4"]
    assert found["after"].startswith("NOTICE: packages are half done")
    assert "slow (half-installed, reinstreq)" in found["after"]
    assert found["audit"] == "Drift"
    assert found["in the end"] == "completed at this start: slow (half-installed, reinstreq)"
    assert found["file"] == "the operator's\n"


def test_the_vendors_packages_are_its_installers(ctx: Context) -> None:
    """Before there is a proven server a half done package of Zimbra is not this step's; any other is."""
    status = ctx.volume / "var/lib/dpkg/status"
    status.write_text(stanza("zimbra-core", "install ok half-configured"))
    assert dpkg.unfinished(ctx) == {"zimbra-core": "half-configured"}
    assert packages.unfinished(ctx) == {}
    status.write_text(status.read_text() + "\n" + stanza("libc6", "install reinstreq half-installed"))
    assert packages.unfinished(ctx) == {"libc6": "half-installed, reinstreq"}


def test_words_that_were_not_merged(ctx: Context) -> None:
    """dpkg's journal counts for more than its status, and keeps apt from working even where all came to its end."""
    updates = ctx.volume / "var/lib/dpkg/updates"
    updates.mkdir()
    (updates / "tmp.i").write_text("rubbish")
    assert dpkg.unfinished(ctx) == {}
    (updates / "0000").write_text(stanza("cron", "install ok unpacked"))
    assert dpkg.unfinished(ctx) == {"cron": "unpacked"}
    (updates / "0001").write_text(stanza("cron"))
    assert dpkg.unfinished(ctx) == {"dpkg's journal": "not merged"}


@pytest.mark.parametrize("state", ["installed", "config-files", "not-installed"])
def test_nothing_to_do(ctx: Context, state: str) -> None:
    """A package that is installed, or removed, is not half done."""
    (ctx.volume / "var/lib/dpkg/status").write_text(stanza("cron", f"deinstall ok {state}"))
    assert dpkg.unfinished(ctx) == {}
