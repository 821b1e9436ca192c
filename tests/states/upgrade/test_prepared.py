"""What is done while the old server serves, and what of it is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from states.hardening import values
from states.upgrade import answers, archive, backup, checks, codes, packages, unpack
from states.zimbra import codes as install_codes
from states.zimbra import marks, order, source
from states.zimbra.releases import PACKAGES, Archive
from tests.states.install.shells import commands
from tests.states.install.test_unpack import FILES, packed
from tests.states.upgrade.servers import LOCAL, NEW, OLD, ORDER, server, unpacked, write_packages
from zflow.api import CommandError, Context, OperatorError, TransientError, sha256
from zflow.codes import COMMAND


def ordered(volume: Path, core: str) -> Context:
    """Return a context with an order for a real archive that brings one version of the core."""
    ctx = server(volume / "volume")
    files = {**FILES, f"packages/zimbra-core_{core}_amd64.deb": "core"}
    made = packed(volume, files)
    order.give(ctx, replace(ORDER, archive=Archive(str(made), sha256(made))))
    archive.apply(ctx)
    return ctx


def test_fetched_and_unpacked(tmp_path: Path) -> None:
    """A newer archive is checked and lies unpacked beside the server; no program of it has been run."""
    ctx = ordered(tmp_path, NEW)
    assert archive.probe(ctx) is not None
    assert unpack.probe(ctx) is None
    unpack.apply(ctx)
    assert unpack.probe(ctx) is not None
    assert commands(ctx) == []


@pytest.mark.parametrize("core", [OLD, "8.8.9.GA.9999.UBUNTU18.64"])
def test_an_archive_that_is_not_newer_is_refused(tmp_path: Path, core: str) -> None:
    """The version inside the archive decides, whatever release was named with it."""
    ctx = ordered(tmp_path, core)
    with pytest.raises(OperatorError) as caught:
        unpack.apply(ctx)
    assert caught.value.code is codes.NOT_NEWER
    assert caught.value.detail == f"the archive contains {core}; {OLD} is installed"
    assert unpack.probe(ctx) is None


@pytest.mark.parametrize(
    ("place", "digest", "code"),
    [("/absent.tgz", "a" * 64, install_codes.RELEASE_GONE), ("zcs.tgz", "a" * 64, install_codes.WRONG_SHA256)],
)
def test_an_archive_that_is_not_there_or_not_the_one(tmp_path: Path, place: str, digest: str, code: object) -> None:
    """Both are refused with the install's own codes, and nothing is unpacked."""
    ctx = server(tmp_path)
    (tmp_path / "zcs.tgz").write_text("x")
    order.give(ctx, replace(ORDER, archive=Archive(place if place.startswith("/") else f"{tmp_path}/{place}", digest)))
    with pytest.raises(OperatorError) as caught:
        archive.apply(ctx)
    assert caught.value.code is code
    assert archive.probe(ctx) is None


def fetching(volume: Path, answer: CommandError | None = None) -> Context:
    """Return a context whose release is unpacked and whose package source is already trusted."""
    ctx = server(volume, lambda argv: answer if "--download-only" in argv else None)
    unpacked(ctx)
    order.give(ctx, ORDER)
    return ctx


def test_packages_are_fetched_and_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """apt only downloads, held packages too: those of the archive as files, the others by name."""
    monkeypatch.setattr(source, "adopt", lambda _ctx, _urls: None)
    ctx = fetching(tmp_path)
    write_packages(tmp_path, OLD, names=(*PACKAGES, "zimbra-drive", "zimbra-dnscache"))
    unpacked(ctx, NEW, "zimbra-dnscache")
    assert packages.probe(ctx) is None
    packages.apply(ctx)
    assert packages.probe(ctx) is not None
    (fetch,) = [argv for argv in commands(ctx) if "--download-only" in argv]
    assert fetch[:2] == ("apt-get", "install")
    assert {"zimbra-memcached", f"/opt/zflow-release/packages/zimbra-dnscache_{NEW}_amd64.deb"} <= set(fetch)
    assert not [word for word in fetch if "zimbra-drive" in word]
    order.give(ctx, replace(ORDER, archive=Archive("/other.tgz", "b" * 64)))
    assert packages.probe(ctx) is None


def test_packages_that_cannot_be_had_are_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """apt's own words name what is missing; the order stays as it is, and so does the server."""
    monkeypatch.setattr(source, "adopt", lambda _ctx, _urls: None)
    ctx = fetching(tmp_path, CommandError(COMMAND, ("apt-get",), 100, "Reading\nE: Unable to locate package x\n"))
    with pytest.raises(TransientError) as caught:
        packages.apply(ctx)
    assert (caught.value.code, caught.value.detail) == (install_codes.PACKAGES, "E: Unable to locate package x")
    assert packages.probe(ctx) is None


def test_the_source_of_an_order_is_nobodys_drift(tmp_path: Path) -> None:
    """While an upgrade is ordered its list may replace the installed one; without an order it is due again."""
    ctx = server(tmp_path)
    path = tmp_path / source.LIST
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source.render(source.sources_of(ctx, "9.0"), "bionic"))
    assert not source.in_place(ctx)
    order.give(ctx, ORDER)
    assert source.in_place(ctx)
    path.write_text(source.wanted_list(ctx))
    assert source.in_place(ctx)


def test_a_whole_server_is_put_under_way(tmp_path: Path) -> None:
    """What the server is, and what it will be, is written down; the order is under way by that."""
    ctx = server(tmp_path)
    unpacked(ctx)
    order.give(ctx, ORDER)
    assert checks.probe(ctx) is None
    checks.apply(ctx)
    assert checks.probe(ctx) is not None
    found = order.under_way(ctx)
    assert found is not None
    assert found.before is not None
    assert (found.goal, found.before["the administrators' accounts"]) == (NEW, ("1-2-3",))
    copy = ctx.home / "upgrade-localconfig.xml"
    assert (copy.read_text(), copy.stat().st_mode & 0o777) == (LOCAL, 0o600)
    tuned = json.loads(marks.read(ctx, values.BEFORE))
    assert (tuned["version"], tuned["wanted"]["zimbraHttpDosFilterMaxRequestsPerSec"]) == (OLD, ["77"])


def test_everything_in_the_way_is_told_at_once(tmp_path: Path) -> None:
    """A service that is down, an unknown administrator and a full volume are one refusal; nothing is under way."""
    wrong = {"status": "\tmta   Stopped\n", "ga": "ERROR: account.NO_SUCH_ACCOUNT"}
    ctx = server(
        tmp_path,
        lambda argv: next((wrong[word] for word in argv if word in wrong), None),
        ZFLOW_MINIMUM_DISK_GIB="1000000",
    )
    unpacked(ctx)
    (tmp_path / backup.FILE.lstrip("/")).write_text(LOCAL[:50])
    order.give(ctx, ORDER)
    with pytest.raises(OperatorError) as caught:
        checks.apply(ctx)
    assert caught.value.code is codes.NOT_READY
    for words in (
        "GiB free on the volume",
        "these services do not run: mta",
        "administrators' accounts",
        backup.FILE,
    ):
        assert words in caught.value.detail
    assert order.under_way(ctx) is None


def test_the_answers_of_an_upgrade_name_no_more_than_they_must(tmp_path: Path) -> None:
    """A key that is named would replace the server's own value; a secret is in none."""
    ctx = server(tmp_path)
    unpacked(ctx)
    content = answers.write(ctx).read_text()
    keys = [line.partition("=")[0] for line in content.splitlines()]
    assert keys == ["INSTALL_PACKAGES", "REMOVE", "UPGRADE", "USE_ZIMBRA_PACKAGE_SERVER"]
    assert 'UPGRADE="yes"\n' in content
    assert set(PACKAGES) <= set(answers.packages(ctx))
