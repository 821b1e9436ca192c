"""What the evidence says of the daily updates: by apt's real daily job over sources that come and go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from states.ubuntu import periodic
from states.updates import configured
from tests.states.bootstrap.ubuntu import make_tree
from tests.support import make_context
from zflow.api import Context

ROOT = Path(__file__).parents[3]
DAY = 86400.0


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Return a context over a small Ubuntu, whose updates were set up long ago."""
    ctx = make_context(make_tree(tmp_path))
    (ctx.volume / periodic.STAMPS).mkdir(parents=True)
    written(ctx, periodic.POLICY, 30)
    return ctx


def written(ctx: Context, name: Path, days_ago: float, text: str = "") -> None:
    """Write a file of so many days ago."""
    (ctx.volume / name).write_text(text)
    when = time.time() - days_ago * DAY
    os.utime(ctx.volume / name, (when, when))


@pytest.fixture(scope="module")
def seen() -> Any:
    """Return what was seen of real runs."""
    argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", sys.executable, "-m", "tests.states.updates.daily"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.root
@pytest.mark.parametrize("run", ["good", "good again"])
def test_a_run_that_ended_well(seen: Any, run: str) -> None:
    """Lists that arrived and an upgrade without an error are a success, without mail."""
    assert seen[run] == {"code": 0, "mail": "", "success": True, "troubles": [], "again": False}


@pytest.mark.root
@pytest.mark.parametrize(
    ("run", "source"), [("dead", "http://127.0.0.1:9/ubuntu"), ("dropped", "file:/repo/dists/gone")]
)
def test_a_source_that_is_gone(seen: Any, run: str, source: str) -> None:
    """A mirror that does not answer, and one that dropped the suite, are named; it is tried again within hours."""
    found = seen[run]
    assert (found["success"], found["again"]) == (False, True)
    (told,) = found["troubles"]
    assert source in told
    assert source in found["mail"]


@pytest.mark.root
def test_a_failure_is_mailed_once(seen: Any) -> None:
    """The same failure four hours later sends no second mail."""
    assert seen["dead again"]["mail"] == ""
    assert seen["dead again"]["troubles"] == seen["dead"]["troubles"]


@pytest.mark.root
def test_a_run_by_hand(seen: Any) -> None:
    """apt's own job, run by hand, is not a success without lists, also if apt says so."""
    assert not seen["by hand"]["success"]
    found = seen["by hand, an older apt"]
    assert (found["success"], found["again"]) == (False, False)
    (told,) = found["troubles"]
    assert told.startswith("no package list could be fetched")
    assert "http://127.0.0.1:9/ubuntu" in told


@pytest.mark.root
def test_a_package_manager_at_work(seen: Any) -> None:
    """Whoever holds dpkg's locks meanwhile makes no failure, nor the end of one."""
    assert (seen["held"]["mail"], seen["held"]["troubles"]) == ("", [])
    (told,) = seen["held after a failure"]["troubles"]
    assert "http://127.0.0.1:9/ubuntu" in told


@pytest.mark.root
def test_a_script_that_does_not_end(seen: Any) -> None:
    """A package whose script hangs is given up in the end, and apt's daily job is free again."""
    assert (seen["hanging"]["left"], seen["hanging"]["free"]) == ({"hanging": "half-configured"}, True)
    assert "E: dpkg did not end within" in seen["hanging"]["mail"]


def test_last_success(ctx: Context) -> None:
    """The last success is as old as the oldest part of it; without one of its parts there was none."""
    for number, name in enumerate((periodic.LISTS, periodic.UPDATED, periodic.UPGRADED)):
        assert periodic.last_success(ctx) is None
        written(ctx, name, 3 - number)
    found = periodic.last_success(ctx)
    assert found is not None
    assert found.timestamp() == pytest.approx((ctx.volume / periodic.LISTS).stat().st_mtime)


@pytest.mark.parametrize(
    ("lists", "update", "upgrade", "expected"),
    [
        (0.2, 0.2, 0.1, []),
        (2.0, 0.1, 0.1, ["no package list could be fetched"]),
        (7.1, 7.1, 0.1, []),  # a period of a week, by the operator's own file
        (9.0, 9.0, 9.0, ["no update has succeeded since"]),
        (9.0, 0.1, 0.1, ["no package list could be fetched", "no update has succeeded since"]),
        (None, 31.0, 0.1, ["no update has succeeded since"]),  # a run of before there was such a stamp
        (None, None, 0.1, ["no update has succeeded since"]),
    ],
)
def test_upgrades_without_lists(
    ctx: Context, lists: float | None, update: float | None, upgrade: float, expected: list[str]
) -> None:
    """Upgrades with old lists are not a success, and a long time without success is a notice, whatever its reason."""
    for name, days_ago in ((periodic.LISTS, lists), (periodic.UPDATED, update), (periodic.UPGRADED, upgrade)):
        if days_ago is not None:
            written(ctx, name, days_ago)
    told = list(periodic.troubles(ctx))
    assert [each[: len(start)] for each, start in zip(told, expected, strict=True)] == expected


def test_a_server_that_was_never_updated(ctx: Context) -> None:
    """Before the first updates the time counts from their configuration; a notice of a failure is enough."""
    written(ctx, periodic.POLICY, 7)
    assert list(periodic.troubles(ctx)) == []
    written(ctx, periodic.POLICY, 9)
    (told,) = periodic.troubles(ctx)
    assert told.startswith("no update has succeeded since")
    written(ctx, periodic.FAILURE, 0, "E: it fails")
    (told,) = periodic.troubles(ctx)
    assert told.startswith("the last updates failed")


@pytest.mark.parametrize(("text", "told"), [(configured.auto_upgrades(on=False), 0), (configured.FROM_PACKAGE, 1)])
def test_upgrades_that_nobody_wants(ctx: Context, text: str, told: int) -> None:
    """Where they are switched off a long time without a success is as it should be."""
    for name in (periodic.LISTS, periodic.UPDATED, periodic.UPGRADED):
        written(ctx, name, 9)
    written(ctx, periodic.AUTO, 9, text)
    assert len(list(periodic.troubles(ctx))) == told


def test_no_password_is_told(ctx: Context) -> None:
    """The password of a mirror is in no notice, whether apt said it or its list of sources has it."""
    address = "https://me:s3cret@mirror.example.org/ubuntu"
    written(ctx, periodic.UPGRADED, 0)
    written(
        ctx,
        periodic.SOURCES,
        0,
        f"# deb http://x\ndeb [arch=amd64] {address} jammy main\ndeb {address} jammy-security main\n",
    )
    assert periodic.sources(ctx) == ["https://mirror.example.org/ubuntu"]
    written(ctx, periodic.FAILURE, 0, f"E: Failed to fetch {address}/dists\nE: the second\n")
    (told,) = periodic.troubles(ctx)
    assert "E: Failed to fetch https://mirror.example.org/ubuntu/dists; E: the second" in told


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_files_that_cannot_be_read(ctx: Context, content: bytes | None) -> None:
    """Neither bytes that are not text nor a folder instead of a file cause a traceback."""
    path = ctx.volume / periodic.FAILURE
    path.mkdir() if content is None else path.write_bytes(content)
    (told,) = periodic.troubles(ctx)
    assert told.startswith("the last updates failed" if content is not None else "no update has succeeded")
