"""The endpoint on the wire: paths, methods and headers, and clients that mean no good."""

from __future__ import annotations

import pytest

from tests.engine.endpoint.conftest import Listening
from tests.engine.toy import file_step, product
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
    """More half-said requests than there are threads, and a probe is answered all the same."""
    slow = [listening.connect() for _ in range(20)]
    try:
        for each in slow:
            each.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert listening.ask("/livez")[0] == 200
    finally:
        for each in slow:
            each.close()


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
