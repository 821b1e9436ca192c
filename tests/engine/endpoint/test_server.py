"""The endpoint on the wire: paths, methods and headers, and clients that mean no good."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest

from tests.engine.endpoint.conftest import Listening
from tests.engine.toy import file_step, product
from tests.engine.where import LIMIT, ROOT
from zflow.endpoint import server

TOY = product(file_step("one.a"), file_step("two.b"))


def test_the_probes_answer_by_their_status(listening: Listening) -> None:
    """503 with the reason until it is so, then 200."""
    assert {path: listening.ask(path)[0] for path in ("/livez", "/startupz", "/readyz")} == {
        "/livez": 200, "/startupz": 503, "/readyz": 503,
    }  # fmt: skip
    assert "ZF-1030" in listening.ask("/readyz")[2]
    listening.bench.walk(TOY)
    assert [listening.ask(path)[0] for path in ("/startupz", "/livez", "/readyz")] == [200] * 3


@pytest.mark.parametrize("path", ["/", "/livez", "/metrics", "/nowhere"])
def test_nothing_is_kept_guessed_or_framed(listening: Listening, path: str) -> None:
    """Every answer forbids caching, guessing of its type, and everything that the page does not bring along."""
    _, headers, _ = listening.ask(path)
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "Server" not in headers


def test_only_what_reads_is_answered(listening: Listening) -> None:
    """HEAD is GET without the content; all else is refused, and another path is not found."""
    status, headers, content = listening.ask("/metrics", "HEAD")
    assert (status, content) == (200, "")
    assert int(headers["Content-Length"]) > 0
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        status, headers, _ = listening.ask("/livez", method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert listening.ask("/../etc/passwd")[0] == 404
    assert listening.ask("/livez/")[0] == 404


def test_clients_that_say_nothing_keep_nobody_from_an_answer(listening: Listening) -> None:
    """However many half-said requests there are, the newest client is answered, and the oldest loses its place."""
    slow = [listening.connect() for _ in range(100)]
    try:
        for each in slow:
            each.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert listening.ask("/livez")[0] == 200
        with suppress(ConnectionResetError):  # as an end shows where something sent was not read yet
            assert slow[0].recv(1) == b""
    finally:
        for each in slow:
            each.close()


CROWD = textwrap.dedent("""
    import contextlib, http.client, json, os, pathlib, socket, subprocess, sys, threading
    from zflow.endpoint import server
    server.PATIENCE = 60  # else the first of the crowd may be late before the last was counted
    for words in ("link set lo up", "address add 192.0.2.1/32 dev lo"):
        subprocess.run(["ip", *words.split()], check=True)
    for last in range(2, 20):
        subprocess.run(["ip", "address", "add", f"192.0.2.{last}/32", "dev", "lo"], check=True)
    listener = server.listen(server.Address("0.0.0.0", 9119))
    threading.Thread(target=server.server(listener, pathlib.Path(sys.argv[1])).run, daemon=True).start()
    PLACE = ("192.0.2.1", 9119)

    def connect(source):
        return socket.create_connection(PLACE, timeout=10, source_address=(source, 0))

    def held(source):
        return sum(not ended(each) for each in crowd if each.getsockname()[0] == source)

    def ended(each):
        with contextlib.suppress(BlockingIOError):
            each.setblocking(False)
            return each.recv(1) == b""
        return False

    def answered(source, place=PLACE):
        asked = http.client.HTTPConnection(*place, timeout=10, source_address=(source, 0))
        asked.request("GET", "/livez")
        return asked.getresponse().status

    crowd = []
    for last in range(2, 12):
        for _ in range(10):
            crowd.append(connect(f"192.0.2.{last}"))
            crowd[-1].sendall(b"GET / HTTP/1.1")
    own = answered("127.0.0.1", ("127.0.0.1", 9119)), answered("192.0.2.1")
    full = [each for each in crowd if not ended(each)]
    print(json.dumps({
        "own": own, "held": len(full), "of one": held("192.0.2.11"), "newcomer": answered("192.0.2.19"),
        "one of the crowd": answered("192.0.2.11"),
    }))
""")


def test_a_crowd_outside_leaves_room_for_our_probes_and_for_others(tmp_path: Path) -> None:
    """Ten addresses with ten connections each hold 48, at most 8 each; probes from inside and newcomers are answered.

    In a network namespace, where all addresses are real ones.
    """
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rn", "true"], check=False).returncode:
        pytest.skip("needs unshare(1) and user namespaces")
    argv = ["unshare", "-rn", sys.executable, "-c", CROWD, str(tmp_path)]
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=True)
    assert json.loads(ended.stdout) == {
        "own": [503, 503], "held": 48, "of one": 8, "newcomer": 503, "one of the crowd": 503,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("address", "local", "counted"),
    [
        ("127.0.0.1", "127.0.0.1", server.OURSELVES),
        ("10.0.0.7", "10.0.0.7", server.OURSELVES),
        ("10.0.0.1", "10.0.0.7", "10.0.0.1"),
        ("::1", "::1", server.OURSELVES),
        ("2001:db8::aa:1", "2001:db8::7", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::2", "fe80::/64"),
    ],
)
def test_connections_are_counted_by_who_has_the_address(address: str, local: str, counted: str) -> None:
    """An IPv6 client has a whole network of addresses; the container's own are one client, whichever it uses."""
    assert server.client(address, local) == counted


def test_a_header_without_end_is_cut_off(listening: Listening) -> None:
    """What is longer than a header may be is refused before it ends."""
    with listening.connect() as one:
        one.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000)
        assert one.recv(4096).startswith(b"HTTP/1.0 431")


def test_a_connection_kept_busy_ends_all_the_same(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte now and then does not keep a connection for ever."""
    monkeypatch.setattr(server, "LONGEST", 0.0)
    with listening.connect() as one:
        one.sendall(b"G")
        assert one.recv(1) == b""


def test_a_request_that_arrives_too_slowly_ends_its_connection(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then does not put off the time that a request has; a connection at rest may ask again later."""
    with listening.connect() as one:
        one.sendall(b"HEAD /livez HTTP/1.1\r\n\r\n")
        assert one.recv(4096).startswith(b"HTTP/1.1 200")
        monkeypatch.setattr(server, "PATIENCE", -1)
        one.sendall(b"G")
        assert one.recv(1) == b""
