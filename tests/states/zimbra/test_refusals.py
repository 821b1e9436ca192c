"""Downloads from servers that refuse, fall silent or are not there, and onto a full disk."""

from __future__ import annotations

import errno
import os
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from states.zimbra import codes, download
from states.zimbra.download import fetch
from tests.states.install.web import Site
from tests.states.zimbra.test_download import CONTENT, failed, site, wanted
from zflow.api import OperatorError

__all__ = ["site"]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_gone(site: Site, tmp_path: Path, status: int) -> None:
    """A server that does not have the file, or does not give it, is not asked again."""
    site.status = status
    with pytest.raises(OperatorError) as caught:
        fetch(wanted(site, tmp_path))
    assert caught.value.code is codes.RELEASE_GONE
    assert f"{site.url}: the server answered {status}" in caught.value.detail
    assert len(site.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy(site: Site, tmp_path: Path, status: int) -> None:
    """A busy server is asked a few times with growing pauses; a pause of its own is forgiven."""
    pauses: list[float] = []
    site.status = status
    assert f"answered {status}" in failed(replace(wanted(site, tmp_path), pause=pauses.append)).detail
    assert pauses == sorted(set(pauses))
    site.before = lambda this: setattr(this, "status", status if len(this.requests) < 6 else None)
    fetch(wanted(site, tmp_path))
    assert wanted(site, tmp_path).part.read_bytes() == CONTENT


@pytest.mark.parametrize("length", ["rubbish", "-5", "1.5"])
def test_rubbish_as_length(site: Site, tmp_path: Path, length: str) -> None:
    """A length that is no number counts as none: the file is what came."""
    site.headers = {"Content-Length": length}
    fetch(wanted(site, tmp_path))
    assert wanted(site, tmp_path).part.read_bytes() == CONTENT


def test_nobody_there(tmp_path: Path) -> None:
    """A closed port is told as a refused connection, with the bytes that are kept."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/x"
    error = failed(wanted(Site(b"", url=url), tmp_path))
    assert "refused; 0 bytes are kept" in error.detail


def test_silent_server(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that falls silent counts as cut, and the next one goes on."""
    monkeypatch.setattr(download, "QUIET", 0.1)
    over = threading.Event()

    def stall(this: Site) -> None:
        if len(this.requests) == 1:
            over.wait(20)

    site.before = stall
    what = wanted(site, tmp_path)
    fetch(what)
    over.set()
    assert what.part.read_bytes() == CONTENT


def test_full_disk(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is not the connection's fault: it is passed on as it is, for the engine to name."""
    monkeypatch.setattr(os, "fsync", lambda _: None)  # the device that is always full cannot be synced
    what = wanted(site, tmp_path)
    what.part.symlink_to("/dev/full")
    with pytest.raises(OSError) as caught:
        fetch(what)
    assert caught.value.errno == errno.ENOSPC
    assert len(site.requests) == 1


def test_proxy(site: Site, tmp_path: Path) -> None:
    """With a proxy it is the proxy that is asked, by the full address."""
    proxy = site.url.removesuffix("/release.tgz")
    fetch(replace(wanted(site, tmp_path), url="http://release.example.org/x.tgz", proxy=proxy))
    assert site.requests[0]["Host"] == "release.example.org"
