"""Lying and dead mirrors, with the real mmdebstrap and apt: each by its code, and nothing is taken for an Ubuntu.

The archive is one of our own with three signed pockets and a single package. Where it is honest, the build ends for
want of the others (ZF-2008): so far it gets, and no further.
"""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from rehearsal.standin.aptrepo import publish
from states.bootstrap import build, codes, mmdebstrap
from states.bootstrap.settings import SETTINGS
from states.ubuntu.suites import POCKETS
from tests.faults.matrix import chance, judge
from tests.support import make_context
from zflow.api import ZflowError, mounts_below
from zflow.codes import TIME_LIMIT

pytestmark = [pytest.mark.root, pytest.mark.slow]
STORY = "mirrors"
PATIENCE = 12.0
"""Seconds for a build from a mirror that trickles."""


class Answer(NamedTuple):
    """What a mirror says: status, the bytes it sends, and the length it promises, which may be another one."""

    status: int
    body: bytes
    length: int
    trickle: bool = False


Lie = Callable[[str, bytes], Answer]
"""Gives the answer for a path and its true content."""


def honest(_path: str, content: bytes) -> Answer:
    """Tell the truth."""
    return Answer(200, content, len(content))


def flipped(part: str) -> Lie:
    """Flip bits of what is called so."""

    def lie(path: str, content: bytes) -> Answer:
        if part not in path or not content:
            return honest(path, content)
        damaged = bytearray(content)
        source = chance(path)
        for _ in range(3):
            damaged[source.randrange(len(damaged))] ^= 1
        return Answer(200, bytes(damaged), len(damaged))

    return lie


def stale(path: str, content: bytes) -> Answer:
    """Have an index of another day beside today's signed Release."""
    return honest(path, content + b"\n" if "Packages" in path else content)


PORTAL = b"<html><body>Please log in to the network.</body></html>"
LIES: dict[str, tuple[Lie, set[str]]] = {
    "honest, but without the packages": (honest, {codes.MIRROR_CONTENT.id}),
    "a storm of 503": (lambda _path, _content: Answer(503, b"", 0), {codes.MIRROR.id}),
    "429 for each request": (lambda _path, _content: Answer(429, b"", 0), {codes.MIRROR.id}),
    "404 for each request": (lambda _path, _content: Answer(404, b"", 0), {codes.MIRROR_CONTENT.id}),
    "every file cut in its middle": (
        lambda _path, content: Answer(200, content[: len(content) // 2], len(content)),
        {codes.MIRROR.id},
    ),
    "a shorter file than signed": (
        lambda _path, content: Answer(200, content[:-300], max(0, len(content) - 300)),
        {codes.MIRROR.id},
    ),
    "a portal's page for each file": (lambda _path, _content: Answer(200, PORTAL, len(PORTAL)), {codes.MIRROR.id}),
    "flipped bits in the signed Release": (flipped("InRelease"), {codes.SIGNATURE.id, codes.MIRROR.id}),
    "flipped bits in an index": (flipped("Packages"), {codes.MIRROR.id}),
    "an index of another day": (stale, {codes.MIRROR.id}),
    "a byte a second": (lambda _path, content: Answer(200, content, len(content), trickle=True), {TIME_LIMIT.id}),
}


@pytest.fixture(scope="module", name="archive")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with the pockets of bionic, and a keyring for it."""
    root = tmp_path_factory.mktemp("archive")
    control = root / "package/DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text(
        "Package: lonely\nVersion: 1\nArchitecture: amd64\nMaintainer: x <x@localhost>\nDescription: x\n"
    )
    subprocess.run(["dpkg-deb", "--build", root / "package", root / "lonely.deb"], check=True, capture_output=True)
    rings = b""
    for pocket in POCKETS:
        publish(root, f"bionic{pocket}", [root / "lonely.deb"], root / "key.asc")
        rings += subprocess.run(
            ["gpg", "--dearmor"], input=(root / "key.asc").read_bytes(), capture_output=True, check=True
        ).stdout
    (root / "ring.gpg").write_bytes(rings)
    return root


@contextmanager
def mirror(root: Path, lie: Lie) -> Iterator[str]:
    """Serve the archive on a free port of 127.0.0.1, with a lie."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = root / self.path.lstrip("/")
            answer = lie(self.path, path.read_bytes()) if path.is_file() else Answer(404, b"", 0)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(answer.length))
            self.end_headers()
            pieces = [bytes([each]) for each in answer.body] if answer.trickle else [answer.body]
            for piece in pieces:
                self.wfile.write(piece)
                if answer.trickle and ended.wait(1):
                    return
            self.close_connection = len(answer.body) != answer.length

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # apt hangs up
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            ended.set()
            server.shutdown()
            thread.join()


def built(place: Path, archive: Path, url: str, patience: float) -> tuple[str, list[str]]:
    """Build from a mirror; return the code it ended with, and what is wrong with what it left."""
    environment = {"ZFLOW_MIRROR": url, "ZFLOW_KEYRING": str(archive / "ring.gpg")}
    ctx = make_context(place, SETTINGS, environment)
    ctx = replace(ctx, shell=ctx.shell.for_step(ctx.log, time.monotonic() + patience))
    ended = "built"
    try:
        build.apply(ctx)
    except ZflowError as error:
        ended = error.code.id
    left = []
    if build.probe(ctx) is not None:
        left.append("it counts as an Ubuntu")
    if points := mounts_below(place):
        left.append(f"still mounted: {points}")
    if names := [each.name for each in place.iterdir() if each.name != ".zflow"]:
        left.append(f"on the volume: {names}")
    build.cleanup(ctx)
    return ended, left


@pytest.mark.parametrize("name", list(LIES))
def test_a_mirror_that_lies(tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Whatever a mirror says, the build ends with the code for it, and nothing of it is on the volume."""
    monkeypatch.setattr(mmdebstrap, "COMPONENTS", ("zimbra",))
    lie, expected = LIES[name]
    with mirror(archive, lie) as url:
        ended, wrong = built(tmp_path, archive, url, PATIENCE if expected == {TIME_LIMIT.id} else 300)
    if ended not in expected:
        wrong.append(f"{ended} in the place of {expected}")
    judge(STORY, name, 1, wrong, ended)


def test_a_mirror_that_is_not_there(tmp_path: Path, archive: Path) -> None:
    """A closed port and a name that does not resolve: to be tried again."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        urls = {"a closed port": f"http://127.0.0.1:{unheard.getsockname()[1]}", "no DNS": "http://mirror.invalid"}
        for name, url in urls.items():
            ended, wrong = built(tmp_path, archive, url, 300)
            if ended != codes.MIRROR.id:
                wrong.append(f"{ended} in the place of {codes.MIRROR.id}")
            judge(STORY, name, 1, wrong, ended)
