"""Renewals in quick succession: each walk takes what is there, and none of it is a failure."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from states import tls
from states.tls import read
from tests.states.tls.authority import NOW, ec_key, inter, issue
from tests.states.tls.test_mend import WALKED, served
from tests.states.tls.test_mend import serve as serving
from tests.states.tls.zimbra import der
from zflow.walk import attempt

PAIRS = [issue(name, inter(), key=ec_key(name)) for name in ("one", "two", "three")]
TIMES = 300


def test_three_hundred_quick_exchanges_write_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key and certificate are replaced one after the other, again and again, while walks deploy them."""
    bench = serving(tmp_path, monkeypatch, PAIRS[0])
    bench.clock = NOW.timestamp  # type: ignore[method-assign]
    folder, stop = tmp_path / "app/tls", threading.Event()

    def put(name: str, content: bytes) -> None:
        (folder / "new").write_bytes(content)
        (folder / "new").replace(folder / name)

    def renew() -> None:
        for number in range(TIMES):
            pair = PAIRS[number % len(PAIRS)]
            put("zimbra.key", pair.key_pem)
            put("zimbra.crt", pair.pem + inter().pem + f"# {number}\n".encode())
            stop.wait(0.01)  # the pace of the exchanges

    renewing = threading.Thread(target=renew)
    monkeypatch.setattr(read, "_young", lambda _ctx: renewing.is_alive())
    monkeypatch.setattr(read, "MOMENT", 0.01)
    monkeypatch.setattr(attempt, "MOMENT", 0.01)
    what = replace(WALKED, watched_files=tls.watched_files)
    renewing.start()
    try:
        while renewing.is_alive():
            assert bench.walk(what, "changed: certificate") == "serving"
    finally:
        stop.set()
        renewing.join()
    assert bench.walk(what, "changed: certificate") == "serving"
    assert [row for row in bench.events() if row["kind"] in {"failed", "blocked", "gave-up"}] == []
    assert served(bench.zimbra) == {der(PAIRS[(TIMES - 1) % len(PAIRS)].pem)}
    assert "interrupted" in bench.kinds("tls.pair")
