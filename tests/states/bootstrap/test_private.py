"""Secrets that others could read are protected again and named once; never a file behind a link or a second name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from states.bootstrap import private
from states.bootstrap.settings import SETTINGS
from states.ubuntu import modes
from states.zimbra import rights
from tests.support import make_context
from zflow.api import Context

OPEN = {
    ".zflow": 0o700,
    ".zflow/secrets": 0o700,
    ".zflow/secrets/admin_password": 0o600,
    "etc/shadow": 0o640,
    "etc/apt/auth.conf.d/own.conf": 0o600,
    "opt/zimbra/conf/localconfig.xml": 0o640,
    "opt/zimbra/conf/nginx.key": 0o640,
    "opt/zimbra/ssl/zimbra/commercial/commercial.key": 0o640,
    "tmp/zmsetup.20261130-125301.log": 0o600,
    "opt/zimbra/log/zmsetup.20261130-125301.log": 0o640,
    "opt/zimbra/config.4711": 0o600,
}


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Return a context over a volume whose secrets are their owners' alone."""
    found = make_context(tmp_path, SETTINGS)
    for name, mode in OPEN.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if mode == 0o700:
            path.mkdir(exist_ok=True)
        else:
            path.touch()
        path.chmod(mode)
    (tmp_path / "opt/zimbra/conf/nginx.key").chmod(0o644)
    assert private.probe(found) is not None  # the vendor's programs are still at work
    (tmp_path / "opt/zimbra/conf/nginx.key").chmod(0o640)
    rights.remember(found)
    (tmp_path / rights.PROVEN).touch()
    assert private.probe(found) is not None
    return found


@pytest.mark.parametrize("name", OPEN)
def test_an_open_secret_is_protected_and_named(ctx: Context, name: str) -> None:
    """Its mode is what it should be, what the group may do stays, and this start says whose secret it was."""
    path = ctx.volume / name
    path.chmod(OPEN[name] | 0o005)
    assert private.probe(ctx) is None
    private.apply(ctx)
    assert path.stat().st_mode & 0o777 == OPEN[name]
    evidence = private.probe(ctx)
    assert evidence is not None
    assert f"other users could read /data/{name}; zflow removed that permission" in evidence.notices[0]
    later = make_context(ctx.volume, SETTINGS, boot="later")
    evidence = private.probe(later)
    assert evidence is not None
    assert evidence.notices == ()


def test_what_user_zimbra_may_have_put_there(ctx: Context, tmp_path: Path) -> None:
    """A link, a second name of another file, a folder that is a link: left alone."""
    outside = tmp_path / "usr"
    outside.mkdir()
    (outside / "program.key").touch()
    (outside / "program.key").chmod(0o755)
    conf = ctx.volume / "opt/zimbra/conf"
    (conf / "link.key").symlink_to(outside / "program.key")
    os.link(outside / "program.key", conf / "second.key")
    os.mkfifo(conf / "pipe.key", 0o666)
    (ctx.volume / "opt/zimbra/ssl/zimbra/server").symlink_to(outside)
    assert private.probe(ctx) is not None
    private.apply(ctx)
    assert (outside / "program.key").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    "name",
    ["etc/apt/sources.list", "etc/apt/sources.list.d/own.list", "etc/zflow-release", "var/log/zflow-updates.log"],
)
def test_addresses_with_a_password(ctx: Context, name: str) -> None:
    """Files that anybody may read are closed where an URL in them has a name and a password."""
    path = ctx.volume / name
    path.parent.mkdir(parents=True, exist_ok=True)
    for text, mode in (
        ("deb http://mirror.example.org/a@b x", 0o644),
        ("deb http://me:s3cret@mirror.example.org x", 0o600),
    ):
        path.write_text(text)
        path.chmod(0o644)
        private.apply(ctx)
        assert path.stat().st_mode & 0o777 == mode
    evidence = private.probe(ctx)
    assert evidence is not None
    assert name in evidence.notices[0]


@pytest.mark.parametrize("after", [1, 2])
def test_a_kill_between_two_secrets(ctx: Context, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """What was protected before a kill is named by the start after it, along with the rest."""
    names = ("etc/shadow", ".zflow/secrets/admin_password")
    for name in names:
        (ctx.volume / name).chmod(OPEN[name] | 0o005)
    calls: list[Path] = []
    tighten = modes.tighten

    def killed(path: Path, mode: int) -> None:
        tighten(path, mode)
        calls.append(path)
        if len(calls) == after:
            raise KeyboardInterrupt

    monkeypatch.setattr(private, "tighten", killed)
    with pytest.raises(KeyboardInterrupt):
        private.apply(ctx)
    later = make_context(ctx.volume, SETTINGS, boot="later")
    assert private.probe(later) is None
    private.apply(later)
    evidence = private.probe(later)
    assert evidence is not None
    assert all(f"/data/{name}" in evidence.notices[0] for name in names)


def test_a_secret_that_went_away(ctx: Context) -> None:
    """A file that is gone, or a link by now, is nothing to close."""
    path = ctx.volume / "opt/zimbra/conf/gone.key"
    modes.tighten(path, 0o640)
    path.symlink_to(ctx.volume / "etc/shadow")
    modes.tighten(path, 0o600)
    assert (ctx.volume / "etc/shadow").stat().st_mode & 0o777 == OPEN["etc/shadow"]
