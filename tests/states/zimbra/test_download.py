"""Downloads from a real server that cuts, lies, refuses, and changes its file."""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from states.zimbra import codes, download
from states.zimbra.download import Download, fetch
from tests.states.install.web import Site, serving
from zflow.api import Interrupted, TransientError

CONTENT = random.Random(1).randbytes(420_000)
OTHER = random.Random(2).randbytes(300_000)


@pytest.fixture
def site() -> Iterator[Site]:
    """Return a server with a file of 420 kB."""
    with serving(Site(CONTENT)) as made:
        yield made


def wanted(site: Site, folder: Path) -> Download:
    """Return a download that neither waits nor stops."""
    return Download(
        site.url, folder / "release.tgz", None, lambda: None, lambda _seconds: None, lambda _done, _all: None
    )


def failed(what: Download) -> TransientError:
    """Return the error after which the walk tries again."""
    with pytest.raises(TransientError) as caught:
        fetch(what)
    assert caught.value.code is codes.DOWNLOAD
    return caught.value


def test_whole(site: Site, tmp_path: Path) -> None:
    """A file is fetched by one connection, asking for no range."""
    what = wanted(site, tmp_path)
    assert not fetch(what)
    assert what.part.read_bytes() == CONTENT
    assert [each["Range"] for each in site.requests] == [None]


def test_cut_twenty_times(site: Site, tmp_path: Path) -> None:
    """A download cut 20 times ends whole, and no byte was served twice."""
    site.cut = len(CONTENT) // 21
    what = wanted(site, tmp_path)
    fetch(what)
    assert what.part.read_bytes() == CONTENT
    assert (site.served, len(site.requests)) == (len(CONTENT), 21)
    assert {each["If-Range"] for each in site.requests[1:]} == {'"one"'}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 150_000), max_size=8))
def test_cut_anywhere(site: Site, tmp_path: Path, cuts: list[int]) -> None:
    """Wherever connections are cut, the file ends whole or the attempt ends; no byte is served twice."""
    left = iter(cuts)
    site.served, site.before = 0, lambda this: setattr(this, "cut", next(left, None))
    what = wanted(site, tmp_path)
    download.drop(what)
    while True:
        try:
            fetch(what)
        except TransientError:
            assert site.served == download.size(what.part)
        else:
            break
    assert what.part.read_bytes() == CONTENT
    assert site.served == len(CONTENT)


def test_restarts(site: Site, tmp_path: Path) -> None:
    """A container stopped after every connection goes on where it was, and says that it did."""
    site.cut = 100_000

    def stop(_seconds: float) -> None:
        raise Interrupted

    what = replace(wanted(site, tmp_path), pause=stop)
    for _ in range(4):
        with pytest.raises(Interrupted):
            fetch(what)
    assert fetch(what)
    assert what.part.read_bytes() == CONTENT
    assert site.served == len(CONTENT)


def test_stopped_within_a_connection(site: Site, tmp_path: Path) -> None:
    """A stop in the middle of a connection keeps the bytes that have come."""

    def stop() -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        fetch(replace(wanted(site, tmp_path), check=stop))
    kept = download.size(wanted(site, tmp_path).part)
    assert kept > 0
    fetch(wanted(site, tmp_path))
    assert site.requests[-1]["Range"] == f"bytes={kept}-"
    assert wanted(site, tmp_path).part.read_bytes() == CONTENT


@pytest.mark.parametrize("other", [OTHER, OTHER * 3, CONTENT[:200_000]], ids=["shorter", "longer", "a beginning"])
def test_changed_in_between(site: Site, tmp_path: Path, other: bytes) -> None:
    """A file that its maker rebuilt between two connections is fetched anew, never spliced."""
    site.cut = 250_000

    def rebuild(this: Site) -> None:
        if len(this.requests) == 2:
            this.content, this.tag, this.cut = other, '"two"', None

    site.before = rebuild
    what = wanted(site, tmp_path)
    fetch(what)
    assert what.part.read_bytes() == other
    assert what.tag.read_text() == '"two"\n'


def test_weak_tag(site: Site, tmp_path: Path) -> None:
    """A weak tag promises nothing about bytes; the date stands in for it."""
    site.tag, site.headers, site.cut = 'W/"one"', {"Last-Modified": "Mon, 01 Jun 2026 00:00:00 GMT"}, 250_000
    fetch(wanted(site, tmp_path))
    assert site.requests[1]["If-Range"] == "Mon, 01 Jun 2026 00:00:00 GMT"


def test_no_ranges(site: Site, tmp_path: Path) -> None:
    """A server that knows no ranges gives the whole file again, which is then written from its beginning."""
    site.ranges, site.cut = False, 100_000
    site.before = lambda this: setattr(this, "cut", None if len(this.requests) == 3 else 100_000)
    what = wanted(site, tmp_path)
    fetch(what)
    assert what.part.read_bytes() == CONTENT


def test_no_ranges_and_always_cut(site: Site, tmp_path: Path) -> None:
    """A server that begins anew and is cut each time ends the attempt, not never."""
    site.ranges, site.cut = False, 100_000
    assert "the connection ended at 100000 of 420000 bytes" in failed(wanted(site, tmp_path)).detail
    assert len(site.requests) == 1 + download.FRUITLESS


@pytest.mark.parametrize(
    "answer", ["bytes 0-419999/420000", "bytes 5-419999/420000", "bytes 100000-419999/*", "rubbish", ""]
)
def test_wrong_range(site: Site, tmp_path: Path, answer: str) -> None:
    """An answer with another range than asked for is not written, and what was fetched stays."""
    site.cut = 100_000
    site.before = lambda this: this.headers.update({"Content-Range": answer})
    what = wanted(site, tmp_path)
    assert "another range" in failed(what).detail
    assert what.part.read_bytes() == CONTENT[:100_000]


def test_already_whole(site: Site, tmp_path: Path) -> None:
    """A file that was whole before a kill is not fetched again: the server's 416 says so."""
    fetch(wanted(site, tmp_path))
    assert fetch(wanted(site, tmp_path))
    assert (site.served, wanted(site, tmp_path).part.read_bytes()) == (len(CONTENT), CONTENT)


@pytest.mark.parametrize("headers", [{}, {"Content-Range": "rubbish"}])
def test_more_than_there_is(site: Site, tmp_path: Path, headers: dict[str, str]) -> None:
    """With more bytes kept than the server has, the download starts over."""
    what = wanted(site, tmp_path)
    what.part.write_bytes(b"x" * 500_000)
    site.headers = headers
    fetch(what)
    assert what.part.read_bytes() == CONTENT


def test_progress(site: Site, tmp_path: Path) -> None:
    """Progress counts the bytes of earlier connections and never goes back."""
    seen: list[tuple[float, float]] = []
    site.cut = 150_000
    fetch(replace(wanted(site, tmp_path), report=lambda done, total: seen.append((done, total))))
    assert [each[0] for each in seen] == sorted(each[0] for each in seen)
    assert seen[-1] == (420_000, 420_000)


def test_a_password_in_the_url_goes_to_its_server_alone(site: Site, tmp_path: Path) -> None:
    """It is sent as HTTP's basic authentication, in each connection, and not to where the server leads."""
    named = site.url.replace("http://", "http://anna:p%40ss@")
    site.cut = 300_000
    fetch(replace(wanted(site, tmp_path), url=named))
    assert {each["Authorization"] for each in site.requests} == {f"Basic {b64encode(b'anna:p@ss').decode()}"}
    site.requests.clear()
    with serving(Site(b"", status=302, headers={"Location": site.url})) as first:
        download.opened(first.url.replace("http://", "http://anna:p%40ss@"), None).close()
    assert [each["Authorization"] is None for each in (*first.requests, *site.requests)] == [False, True]
