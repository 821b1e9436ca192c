"""Which servers the install still needs, and what is made of their answers."""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from states.install.preflight import egress, network
from states.install.preflight.finding import Look
from states.server import SETTINGS as SERVER
from states.ubuntu.settings import PROXY, UBUNTU
from states.zimbra import source
from states.zimbra.settings import SETTINGS
from tests.support import make_context
from zflow.api import Context

TABLE = (*SERVER, PROXY, UBUNTU, *SETTINGS)
DEAD = "http://127.0.0.1:9"
"""Discard: nothing listens there."""


@contextmanager
def serving(code: int, **headers: str) -> Iterator[str]:
    """Serve one answer to every HEAD on a port of loopback; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def context(volume: Path, **settings: str) -> Context:
    """Return a context over a bionic with settings."""
    (volume / "usr/lib").mkdir(parents=True, exist_ok=True)
    (volume / "usr/lib/os-release").write_text('ID=ubuntu\nVERSION_ID="18.04"\nUBUNTU_CODENAME=bionic\n')
    return make_context(volume, TABLE, {"ZFLOW_HOSTNAME": "mail.example.org", **settings})


LOCAL = {
    "ZFLOW_RELEASE_URL": "/release/zcs.tgz",
    "ZFLOW_RELEASE_SHA256": "0" * 64,
    "ZFLOW_VENDOR_KEY": "/release/key.asc",
    "ZFLOW_PACKAGE_SOURCE": "file:/app/vendor-repo",
}


def test_local_files_need_no_server(tmp_path: Path) -> None:
    """With archive, key and packages on the machine nobody is asked: an air-gapped set-up passes."""
    assert egress.needed(context(tmp_path, **LOCAL)) == []
    assert egress.reach(context(tmp_path, **LOCAL)) == ()


def test_only_what_is_still_to_be_fetched_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor's own places are asked on a fresh volume; an index that is there, and a key, are not asked again."""
    ctx = context(tmp_path)
    archive, key, *indexes = egress.needed(ctx)
    assert archive.startswith("https://files.zimbra.com/")
    assert key.startswith("https://keyserver.ubuntu.com/")
    assert indexes == [f"https://repo.zimbra.com/apt/{each}/dists/bionic/InRelease" for each in ("87", "8815")]
    found = source.index(ctx, "https://repo.zimbra.com/apt/87")
    found.parent.mkdir(parents=True)
    found.touch()
    monkeypatch.setattr(source, "has_key", lambda _ctx: True)
    assert egress.needed(ctx) == [archive, indexes[1]]


@pytest.mark.parametrize("code", [200, 403, 404, 500, 503])
def test_any_answer_is_an_answer(code: int) -> None:
    """A server that refuses is one that was reached; its time is read from its answer."""
    with serving(code, Date=email.utils.formatdate(1000000000, usegmt=True), Age="60") as place:
        found = egress.ask(place, None)
    assert (found.problem, found.theirs) == ("", 1000000060.0)
    assert abs(found.ours - time.time()) < 60


@pytest.mark.parametrize(("code", "problem"), [(502, "the proxy answers 502 Bad Gateway"), (404, "")])
def test_a_proxy_speaks_for_the_server_or_for_itself(code: int, problem: str) -> None:
    """An answer that is the proxy's own is none of the server's."""
    with serving(code) as proxy:
        found = egress.ask("http://repo.example.invalid/apt", proxy)
    assert (found.problem, found.theirs) == (problem, None)


def test_all_at_once(tmp_path: Path) -> None:
    """Of several servers each has its own verdict, told by host and way."""
    with serving(200) as place:
        settings = {**LOCAL, "ZFLOW_RELEASE_URL": f"{place}/zcs.tgz", "ZFLOW_PACKAGE_SOURCE": f"{DEAD}/a,{DEAD}/b"}
        ctx = context(tmp_path, **settings)
        answers = egress.reach(ctx)
    assert [bool(each.problem) for each in answers] == [False, True, True]
    (found,) = network.egress(Look(ctx, answers))
    assert found.text.startswith("127.0.0.1 cannot be reached directly (ZFLOW_PROXY is not set): ")
